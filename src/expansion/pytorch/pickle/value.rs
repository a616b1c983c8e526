//! Defines the values of a pickle: Python values, tensors and permitted names.

/// The number of a value.
pub(in crate::expansion::pytorch) type Id = usize;

/// A Python value.
#[derive(Debug)]
pub(in crate::expansion::pytorch) enum PickleValue {
    None,
    Bool,
    Int(i64),
    Float,
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    /// Keys and values in the order they were set. A key may occur more than once.
    Dict(Vec<(Id, Id)>),
    Storage(Storage),
    Tensor(Box<Rebuilt>),
    Global(Global),
    /// The type of a value that neither is nor holds a tensor.
    Other(&'static str),
}

impl PickleValue {
    /// Returns the Python type with its article, for messages.
    pub(in crate::expansion::pytorch) fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool => "a bool",
            Self::Int(_) => "an int",
            Self::Float => "a float",
            Self::Text(_) => "a str",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dict",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
            Self::Global(_) => "a class or function",
            Self::Other(kind) => kind,
        }
    }
}

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::expansion::pytorch) enum Element {
    F64,
    F32,
    F16,
    Bf16,
    /// A type that no parameter has, with its name and size in bytes.
    Other(&'static str, usize),
}

impl Element {
    /// Returns PyTorch's name of the type.
    pub(in crate::expansion::pytorch) fn name(self) -> &'static str {
        match self {
            Self::F64 => "float64",
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
            Self::Other(name, _) => name,
        }
    }

    /// Returns the number of bytes per element.
    pub(in crate::expansion::pytorch) fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Other(_, size) => size,
        }
    }
}

/// A block of memory that tensors are views of.
#[derive(Clone, Copy, Debug)]
pub(in crate::expansion::pytorch) struct Storage {
    pub(in crate::expansion::pytorch) element: Element,
    /// The name of the entry with the bytes, a text.
    pub(in crate::expansion::pytorch) key: Id,
    /// The number of elements.
    pub(in crate::expansion::pytorch) count: usize,
}

/// A tensor as a view of a storage. Offset and strides are in elements.
#[derive(Clone, Debug)]
pub(in crate::expansion::pytorch) struct Rebuilt {
    pub(in crate::expansion::pytorch) storage: Storage,
    pub(in crate::expansion::pytorch) offset: usize,
    pub(in crate::expansion::pytorch) shape: Vec<usize>,
    pub(in crate::expansion::pytorch) strides: Vec<usize>,
}

/// A name that a pickle may use.
#[derive(Clone, Copy, Debug)]
pub(in crate::expansion::pytorch) enum Global {
    OrderedDict,
    Counter,
    Set,
    Size,
    Tensor,
    Parameter,
    Storage(Element),
}
