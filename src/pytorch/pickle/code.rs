//! Lists the names that only a pickle with code in it uses. A file with such a name is refused, wherever the name
//! stands.
//!
//! Every other unknown name is inert: it becomes a placeholder that is never called. The list is a warning to the user,
//! who would run the code with `torch.load`; nothing here could run it.

/// Modules whose functions start programs, import or run code, load other pickles, or open files and connections.
const MODULES: [&str; 47] = [
    "_pickle",
    "_posixsubprocess",
    "aiohttp",
    "asyncio",
    "bdb",
    "cPickle",
    "cloudpickle",
    "codeop",
    "cProfile",
    "ctypes",
    "dill",
    "distutils",
    "doctest",
    "ensurepip",
    "ftplib",
    "gc",
    "http",
    "httplib",
    "idlelib",
    "imp",
    "importlib",
    "joblib",
    "lib2to3",
    "marshal",
    "nt",
    "os",
    "pdb",
    "pickle",
    "pip",
    "pkgutil",
    "popen2",
    "posix",
    "pty",
    "pydoc",
    "requests",
    "runpy",
    "setuptools",
    "shutil",
    "smtplib",
    "socket",
    "subprocess",
    "sys",
    "timeit",
    "urllib",
    "urllib2",
    "venv",
    "webbrowser",
];

/// Functions of other modules that do the same. The module is given whole, or as the start of a path that ends in a
/// dot.
const FUNCTIONS: [(&str, &[&str]); 21] = [
    (
        "builtins",
        &[
            "__import__",
            "apply",
            "breakpoint",
            "compile",
            "delattr",
            "eval",
            "exec",
            "execfile",
            "file",
            "getattr",
            "globals",
            "input",
            "locals",
            "open",
            "raw_input",
            "reload",
            "setattr",
            "vars",
        ],
    ),
    // Plain words, which packages of users are called too.
    (
        "code",
        &["interact", "InteractiveConsole", "InteractiveInterpreter"],
    ),
    ("commands", &["getoutput", "getstatusoutput"]),
    ("profile", &["run", "runctx"]),
    (
        "types",
        &["CodeType", "FunctionType", "LambdaType", "ModuleType"],
    ),
    ("io", &["FileIO", "open", "open_code"]),
    ("_io", &["FileIO", "open", "open_code"]),
    ("codecs", &["open"]),
    ("operator", &["attrgetter", "methodcaller"]),
    ("_operator", &["attrgetter", "methodcaller"]),
    (
        "numpy",
        &["load", "fromfile", "genfromtxt", "loadtxt", "memmap"],
    ),
    ("numpy.testing.", &[]),
    ("numpy.f2py.", &[]),
    ("pandas", &["eval", "read_pickle"]),
    ("uuid", &["_get_command_stdout"]),
    ("torch", &["load"]),
    ("torch._utils", &["_import_dotted_name"]),
    ("torch.storage", &["_load_from_bytes"]),
    ("torch.serialization", &["load"]),
    ("torch.hub.", &[]),
    ("torch.utils.cpp_extension.", &[]),
];

/// Returns whether the name is that of code. The names of Python 2 count too.
pub(super) fn is_code(module: &str, name: &str) -> bool {
    let module = match module {
        "__builtin__" => "builtins",
        other => other,
    };
    let root = module.split('.').next().unwrap_or_default();
    let listed = |(place, functions): &(&str, &[&str])| match place.strip_suffix('.') {
        Some(inside) => format!("{module}.").starts_with(&format!("{inside}.")),
        None => *place == module && functions.contains(&name),
    };
    module.is_empty()
        || name.is_empty()
        || MODULES.contains(&root)
        || FUNCTIONS.iter().any(listed)
        // A dotted name reaches into a class, such as `OrderedDict.__init__`; protocol 2 writes none.
        || name.contains('.')
}
