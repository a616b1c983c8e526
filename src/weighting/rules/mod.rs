//! Collects the built-in strategies, one per file, and lists them in a table.

mod support;

mod aligned;
mod batch_statistics;
mod cagrad;
mod con_fig;
mod conic_grad;
mod cov;
mod dual_proj;
mod dwa;
mod fair_grad;
mod famo;
mod geometric_mean;
mod grad_norm;
mod gradient_scale;
mod gradient_share;
mod gradvac;
mod imtl;
mod imtl_g;
mod imtl_l;
mod log_sum;
mod manual;
mod mgda;
mod momentum;
mod nash;
mod normalised;
mod pcgrad;
mod random;
mod relobralo;
mod required_elements;
mod revised_uncertainty;
mod running_mean;
mod soft_uncertainty;
mod softadapt;
mod stch;
mod sum;
mod uncertainty;
mod upgrad;

pub use aligned::{AlignedMtl, AlignedScale};
pub use batch_statistics::BatchStatistics;
pub use cagrad::CaGrad;
pub use con_fig::ConFig;
pub use conic_grad::ConicGrad;
pub use cov::Cov;
pub use dual_proj::DualProj;
pub use dwa::Dwa;
pub use fair_grad::FairGrad;
pub use famo::Famo;
pub use geometric_mean::GeometricMean;
pub use grad_norm::GradNorm;
pub use gradient_scale::GradientScale;
pub use gradient_share::GradientShare;
pub use gradvac::GradVac;
pub use imtl::Imtl;
pub use imtl_g::ImtlG;
pub use imtl_l::ImtlL;
pub use log_sum::LogSum;
pub use manual::Manual;
pub use mgda::{GradientScaling, Mgda};
pub use momentum::Momentum;
pub use nash::NashMtl;
pub use normalised::{LossNormaliser, Normalised};
pub use pcgrad::{MeetingOrder, PcGrad};
pub use random::Random;
pub use relobralo::Relobralo;
pub use required_elements::RequiredElements;
pub use revised_uncertainty::RevisedUncertainty;
pub use running_mean::RunningMean;
pub use soft_uncertainty::SoftUncertainty;
pub use softadapt::{SoftAdapt, SoftAdaptVariant};
pub use stch::Stch;
pub use sum::Sum;
pub use uncertainty::LOG_SIGMA;
pub use uncertainty::{LikelihoodForm, Uncertainty};
pub use upgrad::UpGrad;

use super::StrategyRow;

/// The strategies that can be chosen by name. A new strategy is a file and a row here.
pub(super) const TABLE: &[StrategyRow] = &[
    StrategyRow::of::<RunningMean>("sum w_k L_k / m_k"),
    StrategyRow::of::<Uncertainty>("sum L_k / (2 sigma_k^2) + log sigma_k"),
    StrategyRow::of::<GradientScale>("sum w_k sqrt(n_k) L_k / m_k"),
    StrategyRow::of::<RequiredElements>("that of the strategy inside, over a task of n elements"),
    StrategyRow::of::<BatchStatistics>("sum w_k sqrt(n_k) (L_k - mean) / std"),
    StrategyRow::of::<GradientShare>("sum s_k L_k / g_k"),
    StrategyRow::of::<Manual>("sum w_k L_k, raw or over m_k"),
    StrategyRow::of::<Sum>("sum L_k"),
    StrategyRow::of::<GeometricMean>("(prod L_k)^(1/K)"),
    StrategyRow::of::<LogSum>("sum log L_k"),
    StrategyRow::of::<Random>("sum w_k L_k, w = softmax of normals"),
    StrategyRow::of::<RevisedUncertainty>("sum L_k / (2 c_k^2) + log(1 + c_k^2)"),
    StrategyRow::of::<SoftUncertainty>("sum w_k L_k, w = softmax(1 / (T L_k))"),
    StrategyRow::of::<ImtlL>("sum e^(s_k) L_k - s_k"),
    StrategyRow::of::<Dwa>("sum w_k L_k, w = K softmax(r_k / T)"),
    StrategyRow::of::<Famo>("c sum z_k log(L_k - m_k + e)"),
    StrategyRow::of::<Stch>("mu log sum exp(p_k (L_k - z_k) / mu)"),
    StrategyRow::of::<Cov>("sum w_k L_k, w by std(l_k) / mean(l_k)"),
    StrategyRow::of::<SoftAdapt>("sum w_k L_k, w = softmax(beta s_k)"),
    StrategyRow::of::<Relobralo>("sum l_k L_k, l by L_k over its past"),
    StrategyRow::of::<Mgda>("shortest convex combination of the gradients"),
    StrategyRow::of::<PcGrad>("sum of gradients projected off conflicts"),
    StrategyRow::of::<GradVac>("sum of gradients turned to their usual angles"),
    StrategyRow::of::<CaGrad>("best worst task within c of the mean gradient"),
    StrategyRow::of::<ImtlG>("equal projections on all gradients"),
    StrategyRow::of::<Imtl>("imtl-l and imtl-g together"),
    StrategyRow::of::<NashMtl>("G a = 1 / a"),
    StrategyRow::of::<FairGrad>("G w = w^(-1/alpha)"),
    StrategyRow::of::<AlignedMtl>("mean of gradients made orthogonal"),
    StrategyRow::of::<UpGrad>("mean of projections that harm no task"),
    StrategyRow::of::<DualProj>("projection of the mean that harms no task"),
    StrategyRow::of::<ConFig>("equal angles to all gradients"),
    StrategyRow::of::<GradNorm>("weights towards equal training rates"),
    StrategyRow::of::<ConicGrad>("best worst task within an angle of the mean"),
    StrategyRow::of::<Momentum>("smoothed weights of the strategy inside"),
    StrategyRow::of::<Normalised>("the strategy inside over divided losses"),
];
