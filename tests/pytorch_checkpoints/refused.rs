//! Files that are whole and still not checkpoints of this network: each is refused with a name and an expectation.

use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};

use crate::networks::{Tables, floats, safetensors_file, smallest, tables, torch_file};
use crate::support::Table;
use crate::writer::{Pickle, TorchFile, archive, zipped};
use crate::{Scene, assert_says};

fn both(tables: &Tables) -> [String; 2] {
    [
        Scene::new("net.pt").refusal(&torch_file(tables).write()),
        Scene::new("net.safetensors").refusal(&safetensors_file(tables)),
    ]
}

fn changed(change: impl Fn(&mut Tables)) -> [String; 2] {
    let mut tables = tables(&smallest(), 7);
    change(&mut tables);
    both(&tables)
}

#[test]
fn a_missing_tensor_is_named() {
    for name in tables(&smallest(), 7).keys() {
        for refusal in changed(|tables| {
            tables.remove(name);
        }) {
            assert_says(&refusal, &["has no tensor", &format!("`{name}`")]);
        }
    }
}

#[test]
fn a_tensor_too_many_is_named() {
    for extra in [
        "norm.weight",
        "lstm.weight_hr_l0",
        "lstm.weight_ih_l2",
        "log_sigma_other",
    ] {
        for refusal in changed(|tables| {
            let table = tables["classifier.1.bias"].clone();
            tables.insert(extra.into(), table);
        }) {
            assert_says(&refusal, &["does not have", &format!("`{extra}`")]);
        }
    }
}

#[test]
fn a_tensor_of_another_shape_is_named_with_both() {
    let names: Vec<String> = tables(&smallest(), 7).keys().cloned().collect();
    for name in names {
        for refusal in changed(|tables| {
            let table = tables.get_mut(&name).unwrap();
            table.shape.push(3);
            table.values = table.values.repeat(3);
        }) {
            assert_says(&refusal, &[&format!("`{name}`"), "3]", "expected"]);
        }
    }
}

#[test]
fn a_number_that_is_not_finite_is_named() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for refusal in
            changed(|tables| tables.get_mut("lstm.bias_hh_l0").unwrap().values[2] = value)
        {
            assert_says(&refusal, &["`lstm.bias_hh_l0`", "element 2", "finite"]);
        }
    }
    for refusal in changed(|tables| tables.get_mut("log_sigma_ptr").unwrap().values[0] = -20.5) {
        assert_says(
            &refusal,
            &["`log_sigma_ptr`", "-20.5", "between -20 and 20"],
        );
    }
}

#[test]
fn a_double_too_large_for_single_precision_is_named() {
    let mut file = torch_file(&tables(&smallest(), 7));
    file.view("classifier.1.bias").storage = "DoubleStorage";
    *file.bytes("classifier.1.bias") = [0.0, 1e300, 0.0].map(f64::to_le_bytes).concat();
    let refusal = Scene::new("net.pt").refusal(&file.write());
    assert_says(
        &refusal,
        &["`classifier.1.bias`", "element 1", "single precision"],
    );
}

#[test]
fn integers_are_refused_by_name() {
    for (storage, name, size) in [
        ("LongStorage", "int64", 8),
        ("IntStorage", "int32", 4),
        ("ByteStorage", "uint8", 1),
        ("BoolStorage", "bool", 1),
        ("ComplexFloatStorage", "complex64", 8),
    ] {
        let mut file = torch_file(&tables(&smallest(), 7));
        file.view("classifier.1.bias").storage = storage;
        *file.bytes("classifier.1.bias") = vec![0; 3 * size];
        let refusal = Scene::new("net.pt").refusal(&file.write());
        assert_says(&refusal, &["`classifier.1.bias`", name, "float32"]);
    }
    let all = tables(&smallest(), 7);
    let bytes: Vec<_> = all.values().map(floats).collect();
    let integers = [0; 3 * 8];
    let views = all
        .iter()
        .zip(&bytes)
        .map(|((name, table), bytes)| match name.as_str() {
            "classifier.1.bias" => (name, TensorView::new(Dtype::I64, vec![3], &integers)),
            _ => (
                name,
                TensorView::new(Dtype::F32, table.shape.clone(), bytes),
            ),
        });
    let views = views.map(|(name, view)| (name, view.unwrap()));
    let file = serialize(views.collect::<Vec<_>>(), None).unwrap();
    let refusal = Scene::new("net.safetensors").refusal(&file);
    assert_says(&refusal, &["`classifier.1.bias`", "int64", "float32"]);
}

/// What each of these would do, had Python read it, is to run something.
#[test]
fn a_pickle_that_asks_for_code_is_refused_by_the_name_of_it() {
    let file = torch_file(&tables(&smallest(), 7));
    let call = |module: &str, name: &str| {
        Pickle::new()
            .global(module, name)
            .raw(b"(")
            .text("echo ran > ran.txt")
            .raw(b"tR")
    };
    for (module, name) in [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("builtins", "getattr"),
        ("__builtin__", "eval"),
        ("subprocess", "Popen"),
        ("torch", "load"),
        ("torch.hub", "load"),
        ("builtins", "__import__"),
        ("nt", "system"),
        ("sys", "modules"),
        ("runpy", "run_path"),
        ("importlib", "import_module"),
        ("pickle", "loads"),
        ("_pickle", "Unpickler"),
        ("shutil", "rmtree"),
        ("io", "open"),
        ("types", "FunctionType"),
        ("numpy.testing._private.utils", "runstring"),
        ("torch._utils", "_import_dotted_name"),
        ("torch.storage", "_load_from_bytes"),
        ("collections", "OrderedDict.__init__"),
        ("", ""),
    ] {
        let scene = Scene::new("net.pt");
        // Alone, and before a state dict that is in order.
        for pickle in [
            call(module, name).end(),
            file.state(call(module, name)).end(),
        ] {
            let refusal = scene.refusal(&file.write_with(&pickle));
            assert_says(
                &refusal,
                &[&format!("`{module}.{name}`"), "nothing of it was run"],
            );
        }
    }
}

/// Other ways to a global: by name from the stack, from the extension registry, as the class of a new object.
#[test]
fn instructions_that_torch_save_does_not_write_are_refused() {
    let file = torch_file(&tables(&smallest(), 7));
    let scene = Scene::new("net.pt");
    let stack_global = Pickle::new().text("os").text("system").raw(b"\x93)R").end();
    assert_says(&scene.refusal(&file.write_with(&stack_global)), &["0x93"]);
    for instruction in [
        b'0', b'1', b'2', b'i', b'o', b'I', b'L', b'V', b'P', b'U', b'T', b'C', b'B', 0x82, 0x83,
        0x84, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x91, 0x92, 0x94, 0x95, 0x96, 0x97, 0x98,
    ] {
        let pickle = Pickle::new().raw(b"}").raw(&[instruction]).end();
        let refusal = scene.refusal(&file.write_with(&pickle));
        assert_says(&refusal, &[&format!("0x{instruction:02x}"), "byte 4"]);
    }
    let protocol = Pickle(vec![0x80, 4]).raw(b"}").end();
    assert_says(
        &scene.refusal(&file.write_with(&protocol)),
        &["pickle_protocol=4", "2", "torch.save(torch.load("],
    );
}

#[test]
fn pickles_that_make_no_sense_are_damage() {
    let file = torch_file(&tables(&smallest(), 7));
    let scene = Scene::new("net.pt");
    for (pickle, part) in [
        (Pickle::new(), "is missing"),
        (Pickle::new().raw(b"u"), "mark"),
        (Pickle::new().raw(b"(t)u"), "mark"),
        (Pickle::new().raw(b"(("), "is missing"),
        (Pickle::new().raw(b"}h\x05"), "value 5"),
        (Pickle::new().raw(b")NN"), "holds None where the file"),
        (Pickle::new().raw(b"]Na"), "holds a list"),
        (Pickle::new().raw(b"}(Nu"), "no value"),
        (Pickle::new().raw(b"]NNs"), "gets items"),
        (Pickle::new().raw(b"}Na"), "appended"),
        (Pickle::new().raw(b"N)R"), "is called"),
        (Pickle::new().raw(b"NN)Q"), "5"),
        (Pickle::new().raw(b"NNb"), "gets attributes"),
        (
            Pickle::new()
                .global("collections", "OrderedDict")
                .raw(b"NR"),
            "arguments",
        ),
        (
            Pickle::new()
                .global("collections", "OrderedDict")
                .raw(b"(NNtR"),
            "cannot be made",
        ),
        (
            Pickle::new().global("torch", "FloatStorage").raw(b")R"),
            "cannot be made",
        ),
        (Pickle::new().raw(b"ccollections"), "no end"),
        (Pickle::new().raw(b"X\xff\xff\xff\xff"), "too early"),
        (Pickle::new().raw(b"X\x01\0\0\0\xff"), "UTF-8"),
        (Pickle::new().raw(b"}.N"), "behind its end"),
        (Pickle::new().raw(b"}(NNu"), "has None (None)"),
        (Pickle::new().raw(b"}"), "an empty dict"),
        (
            Pickle::new().raw(b"}").text("epoch").int(7).raw(b"s"),
            "model_state_dict",
        ),
        (
            Pickle::new().raw(b"}").text("model_state_dict").raw(b"Ns"),
            "`model_state_dict` (None)",
        ),
    ] {
        let refusal = scene.refusal(&file.write_with(&pickle.clone().end()));
        assert_says(&refusal, &[part]);
    }
    let twice = Pickle::new().raw(b"}").text("model_state_dict");
    let twice = file.state(twice).raw(b"s").text("model_state_dict");
    let twice = file.state(twice).raw(b"s").end();
    assert_says(
        &scene.refusal(&file.write_with(&twice)),
        &["model_state_dict` twice"],
    );
}

#[test]
fn two_tensors_of_one_name_are_refused() {
    let mut file = torch_file(&tables(&smallest(), 7));
    let again = file.tensors[0].clone();
    file.tensors.push(again);
    let name = file.tensors[0].0.clone();
    let refusal = Scene::new("net.pt").refusal(&file.write());
    assert_says(&refusal, &["two tensors", &format!("`{name}`")]);
}

/// Beside the model, plain containers of any kind may stand.
#[test]
fn what_stands_beside_the_model_does_not_matter() {
    let tables = tables(&smallest(), 7);
    let file = torch_file(&tables);
    let other = file.tensors[0].1.clone();
    let pickle = Pickle::new()
        .raw(b"}(")
        .text("epoch")
        .int(7)
        .text("losses")
        .raw(b"](G\x3f\xf0\0\0\0\0\0\0NK\x01M\x01\x02J\xff\xff\xff\xff\x88\x89e")
        .text("seen")
        .global("builtins", "set")
        .raw(b"]K\x01a\x85R")
        .text("milestones")
        .global("collections", "Counter")
        .raw(b"}K\x05K\x01s\x85R")
        .text("size")
        .global("torch", "Size")
        .raw(b"K\x02K\x03\x86\x85R")
        .text("large")
        .raw(b"\x8a\x09\0\0\0\0\0\0\0\0\x01")
        .text("parameter")
        .global("torch._utils", "_rebuild_parameter")
        .raw(b"(")
        .tensor(&other)
        .raw(b"\x88")
        .ordered()
        .raw(b"tR")
        .text("model_state_dict");
    let pickle = file.state(pickle).raw(b"u").end();
    let scene = Scene::new("net.pt");
    let found = scene.read(&file.write_with(&pickle)).unwrap();
    let alone = scene.read(&file.write()).unwrap();
    assert_eq!(found.log_sigma(), alone.log_sigma());
}

/// One tensor of an otherwise good file, changed.
fn with_view(change: impl Fn(&mut TorchFile)) -> String {
    let mut file = torch_file(&tables(&smallest(), 7));
    change(&mut file);
    let refusal = Scene::new("net.pt").refusal(&file.write());
    assert_says(&refusal, &["`projection.0.weight`"]);
    refusal
}

#[test]
fn views_that_do_not_fit_are_refused() {
    let name = "projection.0.weight";
    let huge = usize::MAX >> 1;
    // It has the shape [1, 2].
    for (offset, strides) in [
        (1, [2, 1]),
        (0, [1, 2]),
        (2, [2, 1]),
        (huge, [2, 1]),
        (0, [1, huge]),
        (huge, [1, huge]),
    ] {
        let refusal = with_view(|file| {
            let view = file.view(name);
            view.offset = offset;
            view.strides = strides.to_vec();
        });
        assert_says(&refusal, &["does not fit its storage of 2"]);
    }
    let refusal = with_view(|file| file.view(name).strides = vec![2, 0]);
    assert_says(&refusal, &["share memory", "clone()"]);
    for key in ["99", "../data.pkl", "", "0/../1"] {
        let refusal = with_view(|file| file.view(name).key = key.into());
        assert_says(&refusal, &["storage", "missing"]);
    }
    for count in [0, 1, 3, huge] {
        let refusal = with_view(|file| file.view(name).count = count);
        assert_says(&refusal, &[&count.to_string(), "8 bytes"]);
    }
    let refusal = with_view(|file| file.bytes(name).truncate(7));
    assert_says(&refusal, &["7 bytes"]);
}

#[test]
fn absurd_shapes_are_refused_before_any_memory_is_taken() {
    let huge = 1usize << 40;
    for shape in [vec![huge, huge], vec![huge, 2], vec![0, 2], vec![1; 16]] {
        let mut file = torch_file(&tables(&smallest(), 7));
        let view = file.view("lstm.weight_hh_l0");
        view.strides = vec![0; shape.len()];
        view.shape = shape.clone();
        let refusal = Scene::new("net.pt").refusal(&file.write());
        assert_says(&refusal, &["`lstm.weight_hh_l0`", "expected [4, 1]"]);
    }
    for name in ["lstm.weight_ih_l0", "projection.0.weight"] {
        // The sizes are read off these two.
        let mut file = torch_file(&tables(&smallest(), 7));
        let view = file.view(name);
        view.strides = vec![0; 2];
        view.shape = vec![huge, huge];
        let refusal = Scene::new("net.pt").refusal(&file.write());
        assert_says(&refusal, &[&huge.to_string()]);
    }
    let negative = torch_file(&tables(&smallest(), 7));
    let mut pickle = negative.pickle();
    let one = [0x8a, 8, 1, 0, 0, 0, 0, 0, 0, 0];
    let at = pickle.windows(10).position(|w| w == one).unwrap();
    pickle[at + 2..at + 10].copy_from_slice(&(-1i64).to_le_bytes());
    let refusal = Scene::new("net.pt").refusal(&negative.write_with(&pickle));
    assert_says(&refusal, &["is -1", "damaged"]);
}

#[test]
fn other_files_are_called_what_they_are() {
    let scene = Scene::new("net.pt");
    let mut tar = vec![b'x'; 300];
    tar[257..262].copy_from_slice(b"ustar");
    let entries = |names: &[&str]| {
        let entry = |name: &&str| (name.to_string(), b"big".to_vec());
        names.iter().map(entry).collect::<Vec<_>>()
    };
    let legacy = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.";
    for (bytes, parts) in [
        (Vec::new(), ["is empty", ""]),
        (
            b"<!DOCTYPE html><html>".to_vec(),
            ["neither", "safetensors"],
        ),
        (legacy.to_vec(), ["before 1.6", "torch.save(torch.load("]),
        (tar, ["before 1.6", "torch.save(torch.load("]),
        (zipped(&entries(&["a/b.txt"])), ["without a `data.pkl`", ""]),
        (
            zipped(&entries(&["a/data.pkl", "b/data.pkl"])),
            ["more than one", ""],
        ),
        (
            zipped(&entries(&["a/data.pkl", "a/constants.pkl"])),
            ["TorchScript", "state_dict()"],
        ),
        (
            zipped(&entries(&["a/data.pkl", "a/byteorder"])),
            ["big-endian", "save it"],
        ),
        (
            b"PK\x03\x04 and then nothing".to_vec(),
            ["no whole zip", ""],
        ),
    ] {
        assert_says(&scene.refusal(&bytes), &parts);
    }
    let missing = scene.folder.path().join("missing.pt");
    let error = equipoise::expansion::pytorch::PytorchCheckpoint::read(&missing).unwrap_err();
    assert!(matches!(error, equipoise::Error::Io { .. }), "{error:?}");
    assert_says(&error.to_string(), &["missing.pt"]);
}

/// An archive whose entries lie about themselves.
#[test]
fn archives_that_would_unfold_are_refused() {
    let file = torch_file(&tables(&smallest(), 7));
    let bytes = file.write();
    let scene = Scene::new("net.pt");
    // A compressed entry: the method stands at 8 in a local header and at 10 in the directory.
    let mut compressed = bytes.clone();
    patch(&mut compressed, b"PK\x03\x04", 8, &[8, 0]);
    patch(&mut compressed, b"PK\x01\x02", 10, &[8, 0]);
    scene.refusal(&compressed);
    // An entry of four gigabytes: the sizes stand at 18 and 22, and at 20 and 24.
    let mut large = bytes.clone();
    patch(&mut large, b"PK\x03\x04", 18, &[0xfe; 8]);
    patch(&mut large, b"PK\x01\x02", 20, &[0xfe; 8]);
    scene.refusal(&large);
    // The same checksum in both places, and the wrong one: at 14, and at 16.
    let mut wrong = bytes.clone();
    patch(&mut wrong, b"PK\x03\x04", 14, &[1, 2, 3, 4]);
    patch(&mut wrong, b"PK\x01\x02", 16, &[1, 2, 3, 4]);
    assert_says(&scene.refusal(&wrong), &["net/data.pkl", "damaged"]);
    let mut none = bytes.clone();
    patch(&mut none, b"PK\x03\x04", 14, &[0; 4]);
    patch(&mut none, b"PK\x01\x02", 16, &[0; 4]);
    assert_says(&scene.refusal(&none), &["no checksum", "set_crc32_options"]);
    // A pickle that is only large.
    let pickle = Pickle::new().raw(&vec![b'N'; 9 << 20]).end();
    assert_says(
        &scene.refusal(&archive(&pickle, &[])),
        &["pickle has", "more than"],
    );
}

/// Overwrites something in the first header of this kind.
fn patch(bytes: &mut [u8], signature: &[u8], offset: usize, with: &[u8]) {
    let at = bytes.windows(4).position(|w| w == signature).unwrap() + offset;
    bytes[at..at + with.len()].copy_from_slice(with);
}

#[test]
fn a_table_is_what_it_says() {
    // The helpers above must make files that are in order when nothing is changed.
    let tables = tables(&smallest(), 7);
    assert!(
        Scene::new("net.pt")
            .read(&torch_file(&tables).write())
            .is_ok()
    );
    assert!(
        Scene::new("net.safetensors")
            .read(&safetensors_file(&tables))
            .is_ok()
    );
    assert_eq!(
        tables["log_sigma_ptr"].shape,
        Table {
            shape: vec![],
            values: vec![]
        }
        .shape
    );
}
