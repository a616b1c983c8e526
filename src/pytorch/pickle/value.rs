//! Defines the values of a pickle: Python values, tensors, permitted names and placeholders of all others.

/// The number of a value.
pub(in crate::pytorch) type Id = usize;

/// The number of an unknown name.
pub(in crate::pytorch) type NameId = usize;

/// A Python value.
#[derive(Debug)]
pub(in crate::pytorch) enum PickleValue {
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
    /// A class or function that is not in the list of permitted names. Never called.
    Name(NameId),
    /// The place of an object that calling an unknown name would have made. Its arguments and contents are not kept,
    /// except for the attributes, which tell a module of a network from other objects.
    Object {
        name: NameId,
        attributes: Option<Id>,
    },
    /// The type of a value that neither is nor holds a tensor.
    Other(&'static str),
}

impl PickleValue {
    /// Returns the Python type with its article, for messages.
    pub(in crate::pytorch) fn kind(&self) -> &'static str {
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
            Self::Global(_) | Self::Name(_) => "a class or function",
            Self::Object { .. } => "an object",
            Self::Other(kind) => kind,
        }
    }
}

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    F64,
    F32,
    F16,
    Bf16,
    /// A type that no parameter has, with its name and size in bytes.
    Other(&'static str, usize),
}

impl Element {
    /// Returns PyTorch's name of the type.
    pub(in crate::pytorch) fn name(self) -> &'static str {
        match self {
            Self::F64 => "float64",
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
            Self::Other(name, _) => name,
        }
    }

    /// Returns the number of bytes per element.
    pub(in crate::pytorch) fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Other(_, size) => size,
        }
    }

    /// Returns whether parameters may have the type.
    pub(in crate::pytorch) fn is_float(self) -> bool {
        !matches!(self, Self::Other(..))
    }
}

/// A block of memory that tensors are views of.
#[derive(Clone, Copy, Debug)]
pub(in crate::pytorch) struct Storage {
    pub(in crate::pytorch) element: Element,
    /// The name of the entry with the bytes, a text.
    pub(in crate::pytorch) key: Id,
    /// The number of elements.
    pub(in crate::pytorch) count: usize,
}

/// A tensor as a view of a storage. Offset and strides are in elements.
#[derive(Clone, Debug)]
pub(in crate::pytorch) struct Rebuilt {
    pub(in crate::pytorch) storage: Storage,
    pub(in crate::pytorch) offset: usize,
    pub(in crate::pytorch) shape: Vec<usize>,
    pub(in crate::pytorch) strides: Vec<usize>,
}

/// A name that a pickle may use and that has an effect.
#[derive(Clone, Copy, Debug)]
pub(in crate::pytorch) enum Global {
    OrderedDict,
    DefaultDict,
    Counter,
    Set,
    Size,
    Tensor,
    Parameter,
    Storage(Element),
    /// `getattr`, which pickles of protocol 2 use for a class inside a class.
    Getattr,
}
