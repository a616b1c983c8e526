//! Pages on the use of this crate: data, strategies, reports, verdicts, determinism, performance.
//!
//! | page | content |
//! |---|---|
//! | [`training`] | networks of your own: data, missing labels, parts, schedules, resuming |
//! | [`strategies`] | every strategy with formula, source, needs and failure conditions, and which to start with |
//! | [`verdicts`] | how *learned*, *starved* and the other verdicts are decided, their cost and their limits |
//! | [`runs`] | the files of a run, every quantity of the history, resuming |
//! | [`comparing`] | all strategies side by side on your data |
//! | [`bars`] | the expansion model on price bars: files, training, prediction |
//! | [`recipe`] | the settings for real bars, and the effect of each |
//! | [`pytorch`] | weights from PyTorch and back, for any model |
//! | [`gpu`] | GPUs: building, kernels, several devices, limits |
//! | [`determinism`] | what a seed fixes, and what it does not |
//! | [`performance`] | benchmarks, and a comparison with PyTorch |
//! | [`loss_starvation`] | the measured problem behind this crate: why one task of four did not learn |
//! | [`reliability`] | damaged files and killed processes: what is tested, promised and not |
//! | [`checked`] | which claims rest on a run, which on a compiler, on which system |
//! | [`design`] | the map of the code, the reasons, what was tried and dropped |

/// Makes a module of a page: its links to other pages lead to their modules.
macro_rules! page {
    ($name:ident, $file:literal) => {
        #[doc = "[training.md]: crate::guide::training"]
        #[doc = "[strategies.md]: crate::guide::strategies"]
        #[doc = "[verdicts.md]: crate::guide::verdicts"]
        #[doc = "[runs.md]: crate::guide::runs"]
        #[doc = "[comparing.md]: crate::guide::comparing"]
        #[doc = "[bars.md]: crate::guide::bars"]
        #[doc = "[recipe.md]: crate::guide::recipe"]
        #[doc = "[pytorch.md]: crate::guide::pytorch"]
        #[doc = "[gpu.md]: crate::guide::gpu"]
        #[doc = "[determinism.md]: crate::guide::determinism"]
        #[doc = "[performance.md]: crate::guide::performance"]
        #[doc = "[loss-starvation.md]: crate::guide::loss_starvation"]
        #[doc = "[reliability.md]: crate::guide::reliability"]
        #[doc = "[checked.md]: crate::guide::checked"]
        #[doc = "[design.md]: crate::guide::design"]
        #[doc = ""]
        #[doc = include_str!(concat!("../docs/", $file))]
        pub mod $name {}
    };
}

page!(training, "training.md");
page!(strategies, "strategies.md");
page!(verdicts, "verdicts.md");
page!(runs, "runs.md");
page!(comparing, "comparing.md");
page!(bars, "bars.md");
page!(recipe, "recipe.md");
page!(pytorch, "pytorch.md");
page!(gpu, "gpu.md");
page!(determinism, "determinism.md");
page!(performance, "performance.md");
page!(loss_starvation, "loss-starvation.md");
page!(reliability, "reliability.md");
page!(checked, "checked.md");
page!(design, "design.md");
