//! Histories written for TensorBoard.

use equipoise::history::{History, Split};
use equipoise::train::TensorBoard;

use super::scratch;
use super::tape::Tape;

/// Every event is framed by its length, so that a reader finds the next, whatever the names and numbers.
pub fn tensorboard(bytes: &[u8]) {
    let mut tape = Tape(bytes);
    let mut history = History::new();
    let mut records = 0;
    while tape.goes_on() && records < 200 {
        let name = |tape: &mut Tape| {
            let length = tape.below(12);
            let name: Vec<u8> = (0..length).map(|_| tape.byte()).collect();
            String::from_utf8_lossy(&name).into_owned()
        };
        let epoch = usize::from(tape.byte() % 8);
        let (task, quantity) = (name(&mut tape), name(&mut tape));
        let value = f64::from(f32::from_bits(tape.word()));
        history.record(
            epoch,
            tape.one_of(&[Split::Train, Split::Valid]),
            &task,
            &quantity,
            value,
        );
        records += 1;
    }
    let folder = scratch::folder().join("board");
    let _ = std::fs::remove_dir_all(&folder);
    let mut board = TensorBoard::create(&folder).expect("a folder to write to");
    board.write(&history).expect("a file to write to");
    // Nothing is written twice.
    board.write(&history).expect("a file to write to");
    drop(board);
    let file = std::fs::read_dir(&folder)
        .expect("the folder")
        .next()
        .expect("a file")
        .expect("an entry");
    let written = std::fs::read(file.path()).expect("the file");
    let mut rest = &written[..];
    let mut events = 0;
    while !rest.is_empty() {
        let (length, _) = rest.split_first_chunk::<8>().expect("a length");
        let length = usize::try_from(u64::from_le_bytes(*length)).expect("a length");
        // The length, its checksum, the event, its checksum.
        rest = &rest[8 + 4 + length + 4..];
        events += 1;
    }
    let epochs: std::collections::BTreeSet<usize> = history
        .records()
        .iter()
        .map(|record| record.epoch)
        .collect();
    let expected = if epochs.is_empty() {
        1
    } else {
        2 + epochs.len()
    };
    assert_eq!(events, expected);
}
