//! Executes the instructions of a pickle with a stack and a memo.

use std::collections::HashMap;

use super::value::{Id, NameId, PickleValue};

/// The largest number of instructions, a thousand times that of a usual checkpoint. An instruction leaves at most a
/// value and the text it carries, so a hostile pickle fits in half a gigabyte and its own size.
const MOST_INSTRUCTIONS: usize = 8 << 20;

/// The longest text whose content is kept, in bytes. No name of a tensor is as long; arrays of NumPy are.
const LONGEST_TEXT: usize = 1 << 10;

/// The reason for an early end.
pub(super) enum Stop {
    /// The pickle is well formed, but requests a feature that is refused.
    Refused(String),
    /// The pickle was written with another protocol than 2.
    Protocol(u8),
    /// The pickle is not as `torch.save` wrote it.
    Damaged(String),
}

pub(super) fn damaged<T>(reason: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Damaged(reason.into()))
}

pub(super) struct Machine<'a> {
    input: &'a [u8],
    at: usize,
    pub(super) values: Vec<PickleValue>,
    pub(super) stack: Vec<Id>,
    /// The heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// Whether there were names that PyTorch's `weights_only` loader refuses.
    pub(super) calls_code: bool,
    /// The unknown names, each once.
    pub(super) names: Vec<String>,
    numbers: HashMap<String, NameId>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self {
            input,
            at: 0,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            calls_code: false,
            names: Vec::new(),
            numbers: HashMap::new(),
        }
    }

    /// Returns the position of the next byte.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Executes every instruction and returns the last value.
    pub(super) fn run(&mut self) -> Result<Id, Stop> {
        for _ in 0..MOST_INSTRUCTIONS {
            let instruction = self.byte()?;
            if instruction == b'.' {
                let root = self.pop()?;
                return if self.at == self.input.len() {
                    Ok(root)
                } else {
                    damaged("there are bytes behind its end")
                };
            }
            match instruction {
                0x80 => self.protocol()?,
                b'(' => self.marks.push(self.stack.len()),
                b'N' => self.push(PickleValue::None),
                0x88 | 0x89 => self.push(PickleValue::Bool),
                b'J' => {
                    let value = i32::from_le_bytes(self.array()?);
                    self.push(PickleValue::Int(value.into()));
                }
                b'K' => {
                    let value = self.byte()?;
                    self.push(PickleValue::Int(value.into()));
                }
                b'M' => {
                    let value = u16::from_le_bytes(self.array()?);
                    self.push(PickleValue::Int(value.into()));
                }
                0x8a => self.long()?,
                b'G' => {
                    self.take(8)?;
                    self.push(PickleValue::Float);
                }
                b'X' => self.unicode()?,
                b')' => self.push(PickleValue::Tuple(Vec::new())),
                b']' => self.push(PickleValue::List(Vec::new())),
                b'}' => self.push(PickleValue::Dict(Vec::new())),
                b't' => {
                    let items = self.pop_mark()?;
                    self.push(PickleValue::Tuple(items));
                }
                0x85..=0x87 => self.short_tuple(usize::from(instruction - 0x84))?,
                b'a' => {
                    let item = self.pop()?;
                    self.append(vec![item])?;
                }
                b'e' => {
                    let items = self.pop_mark()?;
                    self.append(items)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.set(vec![key, value])?;
                }
                b'u' => {
                    let items = self.pop_mark()?;
                    self.set(items)?;
                }
                b'h' => {
                    let key = self.byte()?;
                    self.recall(key.into())?;
                }
                b'j' => {
                    let key = u32::from_le_bytes(self.array()?);
                    self.recall(key)?;
                }
                b'q' => {
                    let key = self.byte()?;
                    self.keep(key.into())?;
                }
                b'r' => {
                    let key = u32::from_le_bytes(self.array()?);
                    self.keep(key)?;
                }
                b'c' => self.global()?,
                b'R' | 0x81 => self.reduce()?,
                b'b' => self.build()?,
                b'Q' => self.storage()?,
                other => {
                    return damaged(format!(
                        "0x{other:02x} is no instruction that `torch.save` writes with its usual \
                         `pickle_protocol=2`"
                    ));
                }
            }
        }
        Err(Stop::Refused(format!(
            "its pickle has more than the {MOST_INSTRUCTIONS} instructions that are read"
        )))
    }

    /// Returns the number of an unknown name.
    pub(super) fn name(&mut self, name: String) -> NameId {
        if let Some(number) = self.numbers.get(&name) {
            return *number;
        }
        let number = self.names.len();
        self.numbers.insert(name.clone(), number);
        self.names.push(name);
        number
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Stop> {
        let rest = &self.input[self.at..];
        match rest.get(..count) {
            Some(bytes) => {
                self.at += count;
                Ok(bytes)
            }
            None => damaged("it ends too early"),
        }
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let bytes = self.take(N)?;
        Ok(bytes.try_into().expect("as many as asked for"))
    }

    /// Reads the text up to the end of the line.
    pub(super) fn line(&mut self) -> Result<String, Stop> {
        let rest = &self.input[self.at..];
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            return damaged("a name has no end");
        };
        let line = self.take(length)?;
        self.take(1)?;
        match std::str::from_utf8(line) {
            Ok(line) => Ok(line.to_string()),
            Err(_) => damaged("a name is no UTF-8"),
        }
    }

    pub(super) fn push(&mut self, value: PickleValue) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    pub(super) fn pop(&mut self) -> Result<Id, Stop> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() > floor {
            Ok(self.stack.pop().expect("above the floor"))
        } else {
            damaged("a value is missing")
        }
    }

    /// Returns the value on top of the stack without removing it.
    pub(super) fn top(&mut self) -> Result<Id, Stop> {
        let id = self.pop()?;
        self.stack.push(id);
        Ok(id)
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>, Stop> {
        match self.marks.pop() {
            Some(height) => Ok(self.stack.split_off(height)),
            None => damaged("a mark is missing"),
        }
    }

    fn protocol(&mut self) -> Result<(), Stop> {
        match self.byte()? {
            2 => Ok(()),
            other => Err(Stop::Protocol(other)),
        }
    }

    /// Reads an integer of any length. The value of an integer of more than 8 bytes is not kept.
    fn long(&mut self) -> Result<(), Stop> {
        let length = self.byte()?;
        let bytes = self.take(length.into())?;
        let value = if bytes.len() > 8 {
            PickleValue::Other("a very large int")
        } else {
            let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
            let mut wide = [if negative { 0xff } else { 0 }; 8];
            wide[..bytes.len()].copy_from_slice(bytes);
            PickleValue::Int(i64::from_le_bytes(wide))
        };
        self.push(value);
        Ok(())
    }

    fn unicode(&mut self) -> Result<(), Stop> {
        let length = u32::from_le_bytes(self.array()?);
        let bytes = self.take(length as usize)?;
        match std::str::from_utf8(bytes) {
            Ok(text) if text.len() <= LONGEST_TEXT => {
                self.push(PickleValue::Text(text.to_string()));
                Ok(())
            }
            Ok(_) => {
                self.push(PickleValue::Other("a long str"));
                Ok(())
            }
            Err(_) => damaged("a text is no UTF-8"),
        }
    }

    fn short_tuple(&mut self, length: usize) -> Result<(), Stop> {
        let mut items = Vec::with_capacity(length);
        for _ in 0..length {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push(PickleValue::Tuple(items));
        Ok(())
    }

    fn append(&mut self, items: Vec<Id>) -> Result<(), Stop> {
        let list = self.top()?;
        match &mut self.values[list] {
            PickleValue::List(list) => {
                list.extend(items);
                Ok(())
            }
            PickleValue::Object { .. } => Ok(()),
            other => damaged(format!("{} is appended to, not a list", other.kind())),
        }
    }

    fn set(&mut self, items: Vec<Id>) -> Result<(), Stop> {
        let dict = self.top()?;
        match &mut self.values[dict] {
            PickleValue::Dict(pairs) if items.len().is_multiple_of(2) => {
                pairs.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
                Ok(())
            }
            PickleValue::Dict(_) => damaged("a key has no value"),
            PickleValue::Object { .. } => Ok(()),
            other => damaged(format!("{} gets items, not a dict", other.kind())),
        }
    }

    fn keep(&mut self, key: u32) -> Result<(), Stop> {
        let id = self.top()?;
        self.memo.insert(key, id);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Result<(), Stop> {
        match self.memo.get(&key) {
            Some(id) => {
                self.stack.push(*id);
                Ok(())
            }
            None => damaged(format!("value {key} is used before it is there")),
        }
    }
}
