//! Resolves the names in a pickle: tensors, their storages, and containers of Python's standard library. Other names
//! become placeholders, and so does everything that would be made by them.

use super::code::is_code;
use super::machine::{Machine, Stop, damaged};
use super::value::{Element, Global, Id, PickleValue, Rebuilt, Storage};

/// The largest number of dimensions of a tensor. No parameter of a network has more than a few.
const MOST_DIMENSIONS: usize = 16;

impl Global {
    fn find(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("collections", "defaultdict") => Self::DefaultDict,
            ("collections", "Counter") => Self::Counter,
            ("builtins" | "__builtin__", "getattr") => Self::Getattr,
            ("builtins" | "__builtin__", "set") => Self::Set,
            ("torch", "Size") => Self::Size,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Self::Tensor,
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Self::Parameter
            }
            ("torch", storage) => Self::Storage(match storage {
                "DoubleStorage" => Element::F64,
                "FloatStorage" => Element::F32,
                "HalfStorage" => Element::F16,
                "BFloat16Storage" => Element::Bf16,
                "LongStorage" => Element::Other("int64", 8),
                "IntStorage" => Element::Other("int32", 4),
                "ShortStorage" => Element::Other("int16", 2),
                "CharStorage" => Element::Other("int8", 1),
                "ByteStorage" => Element::Other("uint8", 1),
                "BoolStorage" => Element::Other("bool", 1),
                "ComplexFloatStorage" => Element::Other("complex64", 8),
                "ComplexDoubleStorage" => Element::Other("complex128", 16),
                _ => return None,
            }),
            _ => return None,
        })
    }
}

impl Machine<'_> {
    /// Pushes the class or function that the pickle names. A name of code is refused.
    pub(super) fn global(&mut self) -> Result<(), Stop> {
        let module = self.line()?;
        let name = self.line()?;
        if let Some(global) = Global::find(&module, &name) {
            self.calls_code |= matches!(global, Global::DefaultDict | Global::Getattr);
            self.push(PickleValue::Global(global));
            return Ok(());
        }
        let whole = format!("{}.{}", shortened(&module), shortened(&name));
        if is_code(&module, &name) {
            return Err(names_code(&whole));
        }
        self.calls_code = true;
        let name = self.name(whole);
        self.push(PickleValue::Name(name));
        Ok(())
    }

    /// Pushes the result of a call: a container, a tensor, or the placeholder of an object.
    pub(super) fn reduce(&mut self) -> Result<(), Stop> {
        let arguments = self.pop()?;
        let function = self.pop()?;
        let PickleValue::Tuple(arguments) = &self.values[arguments] else {
            let kind = self.values[arguments].kind();
            return damaged(format!("a call has {kind} as its arguments"));
        };
        let count = arguments.len();
        let arguments = arguments.get(..8).unwrap_or(arguments).to_vec();
        match self.values[function] {
            PickleValue::Global(function) => self.make(function, &arguments, count),
            // Nothing is called: the arguments have been read, and are dropped.
            PickleValue::Name(name) | PickleValue::Object { name, .. } => {
                self.object(name);
                Ok(())
            }
            ref other => damaged(format!("{} is called", other.kind())),
        }
    }

    fn object(&mut self, name: usize) {
        self.push(PickleValue::Object {
            name,
            attributes: None,
        });
    }

    /// Makes what a permitted name makes of its first few arguments.
    fn make(&mut self, function: Global, arguments: &[Id], count: usize) -> Result<(), Stop> {
        match (function, arguments) {
            (Global::OrderedDict | Global::Counter, []) | (Global::DefaultDict, [] | [_]) => {
                self.push(PickleValue::Dict(Vec::new()));
            }
            (Global::Counter, [dict]) if matches!(self.values[*dict], PickleValue::Dict(_)) => {
                self.stack.push(*dict);
            }
            (Global::Set, [] | [_]) => self.push(PickleValue::Other("a set")),
            (Global::Size, [size]) if matches!(self.values[*size], PickleValue::Tuple(_)) => {
                self.stack.push(*size);
            }
            (Global::Getattr, arguments) => return self.getattr(arguments),
            // `requires_grad` and the hooks follow; some versions add more arguments. None of them matters here.
            (Global::Tensor, [storage, offset, shape, strides, ..]) => {
                return self.tensor(*storage, *offset, *shape, *strides);
            }
            (Global::Parameter, [tensor, ..])
                if matches!(
                    self.values[*tensor],
                    PickleValue::Tensor(_) | PickleValue::Object { .. }
                ) =>
            {
                self.stack.push(*tensor);
            }
            (function, _) => {
                return damaged(format!(
                    "{function:?} cannot be made of {count} such values"
                ));
            }
        }
        Ok(())
    }

    /// Pushes the placeholder of a class inside a class. Any other use of `getattr` is refused as code.
    fn getattr(&mut self, arguments: &[Id]) -> Result<(), Stop> {
        if let [class, attribute] = arguments
            && let PickleValue::Name(class) = self.values[*class]
            && let PickleValue::Text(attribute) = &self.values[*attribute]
            && !attribute.starts_with('_')
        {
            let whole = format!("{}.{}", self.names[class], shortened(attribute));
            let name = self.name(shortened(&whole));
            self.push(PickleValue::Name(name));
            return Ok(());
        }
        Err(names_code("builtins.getattr"))
    }

    /// Pushes a tensor, or a placeholder if its storage is one.
    fn tensor(&mut self, storage: Id, offset: Id, shape: Id, strides: Id) -> Result<(), Stop> {
        if let PickleValue::Object { name, .. } = self.values[storage] {
            self.object(name);
            return Ok(());
        }
        let tensor = self.rebuilt(storage, offset, shape, strides)?;
        self.push(PickleValue::Tensor(Box::new(tensor)));
        Ok(())
    }

    fn rebuilt(&self, storage: Id, offset: Id, shape: Id, strides: Id) -> Result<Rebuilt, Stop> {
        let PickleValue::Storage(storage) = self.values[storage] else {
            let kind = self.values[storage].kind();
            return damaged(format!("a tensor is made of {kind}, not of a storage"));
        };
        let tensor = Rebuilt {
            storage,
            offset: self.size("the offset of a tensor", offset)?,
            shape: self.sizes("the shape of a tensor", shape)?,
            strides: self.sizes("the strides of a tensor", strides)?,
        };
        if tensor.shape.len() == tensor.strides.len() {
            Ok(tensor)
        } else {
            damaged("a tensor has not one stride for each dimension")
        }
    }

    fn sizes(&self, what: &str, tuple: Id) -> Result<Vec<usize>, Stop> {
        match &self.values[tuple] {
            PickleValue::Tuple(sizes) if sizes.len() <= MOST_DIMENSIONS => {
                sizes.iter().map(|size| self.size(what, *size)).collect()
            }
            PickleValue::Tuple(sizes) => damaged(format!("{what} has {} numbers", sizes.len())),
            other => damaged(format!("{what} is {}", other.kind())),
        }
    }

    fn size(&self, what: &str, value: Id) -> Result<usize, Stop> {
        match &self.values[value] {
            PickleValue::Int(size) => match usize::try_from(*size) {
                Ok(size) => Ok(size),
                Err(_) => damaged(format!("{what} is {size}")),
            },
            other => damaged(format!("{what} is {}", other.kind())),
        }
    }

    /// Pushes the storage of the tuple `("storage", type, key, device, elements)`.
    pub(super) fn storage(&mut self) -> Result<(), Stop> {
        let id = self.pop()?;
        let PickleValue::Tuple(fields) = &self.values[id] else {
            return damaged("a reference to a storage is no tuple");
        };
        let &[tag, element, key, _device, count] = fields.as_slice() else {
            let found = fields.len();
            return damaged(format!(
                "a reference to a storage has {found} fields, not 5"
            ));
        };
        let tagged = matches!(&self.values[tag], PickleValue::Text(tag) if tag == "storage");
        if !tagged || !matches!(self.values[key], PickleValue::Text(_)) {
            return damaged("a reference to a storage has no name");
        }
        let element = match self.values[element] {
            PickleValue::Global(Global::Storage(element)) => element,
            PickleValue::Name(name) => {
                self.object(name);
                return Ok(());
            }
            _ => return damaged("a reference to a storage has no type of storage"),
        };
        let count = self.size("the length of a storage", count)?;
        self.push(PickleValue::Storage(Storage {
            element,
            key,
            count,
        }));
        Ok(())
    }

    /// Drops the attributes of a container, and keeps those of a placeholder. An ordered dictionary of parameters has
    /// versions there, which are not used.
    pub(super) fn build(&mut self) -> Result<(), Stop> {
        let state = self.pop()?;
        let object = self.top()?;
        match &mut self.values[object] {
            PickleValue::Dict(_) | PickleValue::Other(_) => Ok(()),
            PickleValue::Object { attributes, .. } => {
                *attributes = Some(state);
                Ok(())
            }
            other => damaged(format!("{} gets attributes", other.kind())),
        }
    }
}

fn names_code(name: &str) -> Stop {
    Stop::Refused(format!(
        "its pickle names `{name}`, which runs code; nothing of it was run. No checkpoint needs that name, so use the file \
         only if its maker can explain it"
    ))
}

/// Returns a name from a file for a message, without control characters.
fn shortened(name: &str) -> String {
    name.chars()
        .take(80)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}
