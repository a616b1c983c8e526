//! Losses and strategies: golden values, properties, configs.
#![cfg(feature = "expansion")]

#[path = "../support/mod.rs"]
mod support;

mod field_properties;
mod fused_losses;
mod golden_gram;
mod golden_losses;
mod golden_losses_field;
mod golden_strategies;
mod gram_properties;
mod losses;
mod strategies_properties;
mod strategy_configs;
mod weighted_losses;
