//! Exports the network of a run to PyTorch.
//!
//! ```text
//! cargo run --release --features pytorch --example export_pytorch -- runs/uncertainty-1 network.safetensors
//! ```

#[path = "shared/mod.rs"]
mod shared;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use equipoise::Error;
use equipoise::expansion::pytorch::Generation;
use equipoise::expansion::run::export_run;
use equipoise::train::checkpoint;

use shared::files::readable;

/// Writes the network of a run as a file that PyTorch's load_state_dict takes.
///
/// Not for networks that pool by attention, such as those of the recipe learn: the original network has no attention.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Folder of the run
    run: PathBuf,
    /// File to write, .safetensors
    file: PathBuf,
    /// Epoch of the checkpoint [default: the best]
    #[arg(long, value_name = "N")]
    epoch: Option<usize>,
    /// For the newer network, which has its binary head also as expansion_span_emission
    #[arg(long)]
    span: bool,
}

fn main() -> ExitCode {
    shared::flags::know(&Arguments::command());
    match work(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", shared::flags::named(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn work(arguments: Arguments) -> Result<(), Error> {
    let config = arguments.run.join("config.json");
    if !config.exists() {
        let reason = "holds no run, there is no config.json in it; expected the folder of a run";
        return Err(Error::file(arguments.run, reason));
    }
    if arguments
        .file
        .extension()
        .is_none_or(|extension| extension != "safetensors")
    {
        let reason = "expected a name that ends in .safetensors, which is what is written";
        return Err(Error::file(arguments.file, reason));
    }
    let epoch = match arguments.epoch {
        Some(epoch) => epoch,
        None => checkpoint::best(&arguments.run)?,
    };
    let model = checkpoint::model_file(&arguments.run, epoch);
    readable(
        "--epoch",
        &model,
        "an epoch that the run has kept, the last ones and the best",
    )?;
    let generation = if arguments.span {
        Generation::Span
    } else {
        Generation::Binary
    };
    let export = export_run(&arguments.run, epoch)?.with_generation(generation);
    if export.log_sigma().is_none() {
        println!(
            "no log sigmas: the strategy of the run learns none, so load it with strict=False"
        );
    }
    if let Some(inputs) = export.inputs() {
        let names = inputs.names();
        println!(
            "{} inputs of every bar, in order: {}",
            names.len(),
            names.join(", ")
        );
        if !inputs.others().is_empty() {
            println!(
                "behind the twelve of the original network: {}; a program that feeds the network computes them, too",
                inputs.others().join(", ")
            );
        }
    }
    export.write(&arguments.file)?;
    println!("epoch {epoch} written to {}", arguments.file.display());
    Ok(())
}
