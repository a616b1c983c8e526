//! What the programs share: flags, files, what is said on a terminal, signals.

// Every program uses a part of this.
#![allow(dead_code)]

pub mod backend;
pub mod data;
pub mod files;
pub mod flags;
pub mod reader;
pub mod signals;
pub mod terminal;
