//! Objects beside the tensors: passed over by name, never called, never in the place of a tensor.

use crate::networks::{smallest, tables, torch_file};
use crate::support::{devices, parameters};
use crate::writer::{Pickle, TorchFile};
use crate::{Scene, assert_says};

type Make = fn(Pickle) -> Pickle;

/// Objects as `pickletools.dis` shows them in protocol 2.
const HARMLESS: [(&str, Make); 21] = [
    ("numpy._core.multiarray.scalar", |p| {
        p.call("numpy._core.multiarray", "scalar", |p| {
            let p = p.call("numpy", "dtype", |p| p.text("f8").raw(b"\x89\x88"));
            let p = p
                .raw(b"(")
                .int(3)
                .text("<")
                .raw(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb");
            p.bytes("\u{d7}\u{a3}p=\n\u{d7}\u{d3}?")
        })
    }),
    ("numpy.core.multiarray._reconstruct", |p| {
        let p = p.call("numpy.core.multiarray", "_reconstruct", |p| {
            p.global("numpy", "ndarray").raw(b"K\0\x85").bytes("b")
        });
        p.raw(b"(K\x01K\x02\x85")
            .global("numpy", "dtype")
            .raw(b"\x89")
            .bytes("abc")
            .raw(b"tb")
    }),
    ("argparse.Namespace", |p| {
        let p = p.global("argparse", "Namespace").raw(b")\x81");
        p.dict(|p| p.text("lr").raw(b"G\x3f\xf0\0\0\0\0\0\0"))
            .raw(b"b")
    }),
    ("types.SimpleNamespace", |p| {
        p.global("types", "SimpleNamespace").raw(b")R}b")
    }),
    ("pathlib.PosixPath", |p| {
        p.call("pathlib", "PosixPath", |p| p.text("/").text("data"))
    }),
    ("pathlib._local.PosixPath", |p| {
        p.call("pathlib._local", "PosixPath", |p| p.text("data"))
    }),
    ("datetime.datetime", |p| {
        p.call("datetime", "datetime", |p| p.bytes("\u{7}\u{e8}\u{1}"))
    }),
    ("__builtin__.frozenset", |p| {
        p.call("__builtin__", "frozenset", |p| p.raw(b"]K\x01a"))
    }),
    ("__builtin__.complex", |p| {
        p.call("__builtin__", "complex", |p| {
            p.raw(b"G\x3f\xf0\0\0\0\0\0\0G\x3f\xf0\0\0\0\0\0\0")
        })
    }),
    ("__builtin__.bytearray", |p| {
        p.call("__builtin__", "bytearray", |p| p.bytes("abc"))
    }),
    ("my_project.Mode", |p| {
        p.call("my_project", "Mode", |p| p.int(2))
    }),
    // A class in a class, and a member of it.
    ("my_project.Config.Mode", |p| {
        let p = p.call("__builtin__", "getattr", |p| {
            p.global("my_project", "Config").text("Mode")
        });
        p.raw(b"K\x01\x85R")
    }),
    ("omegaconf.dictconfig.DictConfig", |p| {
        let p = p.global("omegaconf.dictconfig", "DictConfig").raw(b")\x81");
        p.dict(|p| {
            let p = p
                .text("_metadata")
                .global("omegaconf.base", "ContainerMetadata")
                .raw(b")\x81}b");
            p.text("_content").dict(|p| p.text("lr").int(1))
        })
        .raw(b"b")
    }),
    // Subclasses of dict and list take items.
    ("easydict.EasyDict", |p| {
        p.global("easydict", "EasyDict")
            .raw(b")\x81(")
            .text("lr")
            .int(1)
            .raw(b"u")
    }),
    ("collections.deque", |p| {
        p.global("collections", "deque").raw(b")R(K\x01K\x02e")
    }),
    ("torch.device", |p| {
        p.call("torch", "device", |p| p.text("cuda").int(0))
    }),
    ("torch.float32", |p| p.global("torch", "float32")),
    ("torch.nn.modules.activation.ReLU", |p| {
        p.global("torch.nn.modules.activation", "ReLU")
            .raw(b")\x81}b")
    }),
    ("decimal.Decimal", |p| {
        p.call("decimal", "Decimal", |p| p.text("0.1"))
    }),
    ("functools.partial", |p| {
        let p = p.call("functools", "partial", |p| {
            p.global("my_project", "schedule")
        });
        p.raw(b"(").global("my_project", "schedule").raw(b")}Ntb")
    }),
    // A tensor of a type without a class for its storage.
    ("torch._utils._rebuild_tensor_v3", |p| {
        p.call("torch._utils", "_rebuild_tensor_v3", |p| p.int(1))
    }),
];

fn with_beside(make: Make) -> (TorchFile, Vec<u8>) {
    let file = torch_file(&tables(&smallest(), 7));
    let pickle = Pickle::new().dict(|p| {
        let p = make(p.text("beside"));
        let p = file.state(p.text("model_state_dict"));
        make(p.text("after"))
    });
    let bytes = file.write_with(&pickle.end());
    (file, bytes)
}

#[test]
fn harmless_objects_beside_the_tensors_are_passed_over_by_name() {
    let scene = Scene::new("net.pt");
    let device = &devices()[0].1;
    for (name, make) in HARMLESS {
        let (file, bytes) = with_beside(make);
        let found = scene
            .read(&bytes)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_says(
            &found.notes().join(" "),
            &["passed over objects of", &format!("`{name}`")],
        );
        let alone = scene.read(&file.write()).unwrap();
        assert_eq!(
            parameters(&found.model(device).unwrap()),
            parameters(&alone.model(device).unwrap())
        );
        // In the state dict itself, as `_extra_state`.
        let within = file.state(Pickle::new()).text("_extra_state");
        let within = make(within).raw(b"s").end();
        let found = scene
            .read(&file.write_with(&within))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_says(&found.notes().join(" "), &["`_extra_state` ("]);
    }
    // Python's own containers leave no trace, since they hold no code.
    let (_, bytes) = with_beside(|p| {
        let p = p.call("collections", "defaultdict", |p| {
            p.global("__builtin__", "list")
        });
        p.text("seen")
            .call("__builtin__", "set", |p| p.raw(b"]"))
            .raw(b"s")
    });
    scene.read(&bytes).unwrap();
}

/// Wherever a tensor of the network should be.
#[test]
fn no_object_stands_for_a_tensor() {
    let scene = Scene::new("net.pt");
    for (name, make) in HARMLESS {
        let mut file = torch_file(&tables(&smallest(), 7));
        let place = file
            .tensors
            .iter()
            .position(|(name, _)| name == "classifier.1.bias")
            .unwrap();
        file.tensors.remove(place);
        let pickle = file.state(Pickle::new()).text("classifier.1.bias");
        let refusal = scene.refusal(&file.write_with(&make(pickle).raw(b"s").end()));
        assert_says(
            &refusal,
            &["under `classifier.1.bias` where a tensor should be"],
        );
        if name.starts_with("torch._utils") {
            assert_says(
                &refusal,
                &["has an object of `torch._utils._rebuild_tensor_v3`"],
            );
        }
    }
}

/// The bias of the classifier is made by `make`; its refusal.
fn bias_made_by(make: impl FnOnce(Pickle) -> Pickle) -> String {
    let mut file = torch_file(&tables(&smallest(), 7));
    let bias = |(name, _): &(String, _)| name == "classifier.1.bias";
    let place = file.tensors.iter().position(bias).unwrap();
    file.tensors.remove(place);
    let pickle = file.state(Pickle::new()).text("classifier.1.bias");
    Scene::new("net.pt").refusal(&file.write_with(&make(pickle).raw(b"s").end()))
}

#[test]
fn a_tensor_of_an_unknown_maker_or_storage_is_none() {
    let unknown_storage = |p: Pickle| {
        let p = p.global("torch._utils", "_rebuild_tensor_v2").raw(b"((");
        let p = p.text("storage").global("torch", "QInt8Storage").text("0");
        let p = p.text("cpu").int(3).raw(b"tQ").int(0).ints(&[3]).ints(&[1]);
        p.raw(b"\x89").ordered().raw(b"tR")
    };
    let parameter = |p: Pickle| {
        let p = p.global("torch._utils", "_rebuild_parameter").raw(b"(");
        unknown_storage(p).raw(b"\x88").ordered().raw(b"tR")
    };
    for refusal in [bias_made_by(unknown_storage), bias_made_by(parameter)] {
        assert_says(
            &refusal,
            &[
                "has an object of `torch.QInt8Storage` under `classifier.1.bias` where a tensor should be",
            ],
        );
    }
    let subclass = |p: Pickle| {
        p.call("torch._tensor", "_rebuild_from_type_v2", |p| {
            let p = p.global("torch._utils", "_rebuild_tensor_v2");
            p.global("my_project", "Quantized").raw(b")}")
        })
    };
    assert_says(
        &bias_made_by(subclass),
        &["has an object of `torch._tensor._rebuild_from_type_v2` under `classifier.1.bias`"],
    );
}

/// What names code is refused, also where it would only stand beside the tensors and as the argument of something
/// harmless.
#[test]
fn code_beside_the_tensors_is_refused_by_name() {
    let scene = Scene::new("net.pt");
    let attacks: [(&str, Make); 8] = [
        ("os.system", |p| p.call("os", "system", |p| p.text("true"))),
        ("posix.system", |p| p.global("posix", "system")),
        ("functools.partial of builtins.eval", |p| {
            p.call("functools", "partial", |p| p.global("builtins", "eval"))
        }),
        ("os.path.join", |p| {
            p.call("os.path", "join", |p| p.text("a"))
        }),
        ("getattr of a dunder", |p| {
            p.call("builtins", "getattr", |p| {
                p.global("my_project", "Config").text("__init__")
            })
        }),
        ("getattr of an object", |p| {
            p.call("builtins", "getattr", |p| {
                p.call("my_project", "Config", |p| p).text("run")
            })
        }),
        ("getattr of more", |p| {
            p.call("builtins", "getattr", |p| {
                p.global("my_project", "Config").text("Mode").raw(b"N")
            })
        }),
        ("new object of subprocess.Popen", |p| {
            p.global("subprocess", "Popen").raw(b")\x81")
        }),
    ];
    for (attack, make) in attacks {
        let (_, bytes) = with_beside(make);
        let refusal = scene.refusal(&bytes);
        assert!(
            refusal.contains("runs code; nothing of it was run"),
            "{attack}: {refusal}"
        );
    }
}

/// Sizes that a placeholder claims, values that hold themselves, and values that many others hold cost nothing.
#[test]
fn claimed_sizes_and_circles_cost_nothing() {
    let start = std::time::Instant::now();
    let scene = Scene::new("net.pt");
    let makes: [Make; 4] = [
        // numpy.empty((2**62,)), a bytearray of 2**62 bytes, a tuple repeated.
        |p| p.call("numpy", "empty", |p| p.ints(&[1 << 62])),
        |p| p.call("__builtin__", "bytearray", |p| p.int(1 << 62)),
        // A list in itself, a dictionary in itself, an object that is its own attribute.
        |p| p.raw(b"]q\x07h\x07a"),
        |p| {
            let p = p.raw(b"}q\x08").text("self").raw(b"h\x08s");
            p.text("object")
                .global("my_project", "Node")
                .raw(b")\x81q\x09h\x09bs")
        },
    ];
    for make in makes {
        let (file, bytes) = with_beside(make);
        let found = scene.read(&bytes).unwrap();
        assert_eq!(
            found.log_sigma(),
            scene.read(&file.write()).unwrap().log_sigma()
        );
    }
    // A list of ten of the list before, forty deep: 10^40 values if it were unfolded.
    let file = torch_file(&tables(&smallest(), 7));
    let mut pickle = Pickle::new().raw(b"}(").text("bomb").raw(b"]q\0");
    for _ in 0..40 {
        pickle = pickle.raw(b"](").raw(&b"h\0".repeat(10)).raw(b"eq\0");
    }
    let bomb = file.state(pickle.text("model_state_dict")).raw(b"u").end();
    scene.read(&file.write_with(&bomb)).unwrap();
    // A hundred thousand keys that all lead to one dictionary of as many entries.
    let mut pickle = Pickle::new().raw(b"}(").text("wide").raw(b"}q\0(");
    for key in 0..100_000 {
        pickle = pickle.text(&key.to_string()).raw(b"N");
    }
    pickle = pickle.raw(b"u");
    for key in 0..100_000 {
        pickle = pickle.text(&format!("again {key}")).raw(b"h\0");
    }
    let wide = file.state(pickle.text("model_state_dict")).raw(b"u").end();
    scene.read(&file.write_with(&wide)).unwrap();
    // Ten thousand prefixes, each before the name of one tensor.
    let mut pickle = Pickle::new().raw(b"}(");
    for prefix in 0..10_000 {
        pickle = pickle.text(&format!("{prefix}.lstm.bias_ih_l0"));
        pickle = if prefix == 0 {
            pickle.tensor(&file.tensors[0].1).raw(b"q\0")
        } else {
            pickle.raw(b"h\0")
        };
    }
    let refusal = scene.refusal(&file.write_with(&pickle.raw(b"u").end()));
    assert_says(&refusal, &["has no tensor"]);
    let seconds = start.elapsed().as_secs_f64();
    assert!(seconds < 60.0, "{seconds}");
}

/// A nesting that a recursive reader could not follow.
#[test]
fn a_deep_nesting_is_read_past() {
    let file = torch_file(&tables(&smallest(), 7));
    let pickle = Pickle::new()
        .raw(b"}(")
        .text("deep")
        .raw(&b"]".repeat(1_000_000));
    let pickle = pickle.raw(&b"a".repeat(999_999)).text("model_state_dict");
    let bytes = file.write_with(&file.state(pickle).raw(b"u").end());
    Scene::new("net.pt").read(&bytes).unwrap();
}
