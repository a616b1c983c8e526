//! The programs of examples/, run as a user runs them.
#![cfg(feature = "expansion")]

#[path = "../support/mod.rs"]
mod support;

#[cfg(target_os = "linux")]
#[path = "../support/disk/mod.rs"]
mod disk;

mod compare_strategies;
mod examples;
mod killed;
mod predict;
mod train_expansion;
mod written;
