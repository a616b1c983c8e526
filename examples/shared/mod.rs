//! Shared parts of the programs: flags, files, output on a terminal, signals.

// Every program uses only some of the parts.
#![allow(dead_code)]

pub mod backend;
pub mod command;
pub mod data;
pub mod files;
pub mod flags;
pub mod reader;
pub mod runs;
pub mod signals;
pub mod terminal;
