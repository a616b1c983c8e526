//! Defines which tensors of a file are meant, where the file has several sets of them.

/// Which tensors of a file are read. The defaults fit a file with one network in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The key of the dictionary, such as `ema` or `model.state_dict`. Default `None`: the one whose names fit.
    pub key: Option<String>,
    /// The prefix of the names, such as `student.`. Default `None`: the one behind which the names fit.
    pub prefix: Option<String>,
    /// Names of tensors that may be left out, or the starts of names up to a dot: `criterion` leaves out
    /// `criterion.weight`. Default none: a tensor that the network does not have is an error.
    pub leave_out: Vec<String>,
}

impl Selection {
    /// Sets the key of the dictionary.
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets the prefix of the names. An empty prefix means names without one.
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Sets the names, or the starts of names, of tensors that may be left out.
    pub fn with_leave_out<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.leave_out = names.into_iter().map(Into::into).collect();
        self
    }

    /// Returns the prefix with the dot at its end.
    pub(super) fn full_prefix(&self) -> Option<String> {
        let prefix = self.prefix.as_ref()?;
        let needs_dot = !prefix.is_empty() && !prefix.ends_with('.');
        Some(format!("{prefix}{}", if needs_dot { "." } else { "" }))
    }

    /// Returns whether a tensor may be left out.
    pub(super) fn leaves_out(&self, name: &str) -> bool {
        self.leave_out.iter().any(|start| {
            let start = start.strip_suffix('.').unwrap_or(start);
            let rest = name.strip_prefix(start);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}
