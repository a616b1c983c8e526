//! Bars, labels, features and windows. One binary: each file of its own would link Burn anew.
#![cfg(feature = "expansion")]

#[path = "../support/mod.rs"]
mod support;

mod bad_csv;
mod class_weights;
mod csv_lines;
mod exporters;
mod further;
mod gaps;
mod golden_features;
mod good_csv;
mod hand_labels;
mod instruments;
mod labels;
mod late_rows;
mod lengths;
mod mapping;
mod mixed;
mod moves;
mod odd_stamps;
mod orders;
mod own_types;
mod properties_features;
mod real_bars;
mod resample;
mod several;
mod shared_cases;
mod sheets;
mod simulator;
mod untidy_csv;
mod windows;
