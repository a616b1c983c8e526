//! Checks that a config has the features that a network reads. Their number alone does not tell them apart.

use std::path::Path;

use super::config::{DataConfig, ExpansionConfig};
use crate::error::{Error, Result};

/// Checks that a config has the features of `data`, which the network of a file reads.
///
/// # Errors
///
/// [`Error::Setting`] naming the first field that differs.
pub(super) fn same_features(
    config: &ExpansionConfig,
    data: &DataConfig,
    file: &Path,
) -> Result<()> {
    let features = |data: &DataConfig| {
        [
            ("data.position", data.position.to_string()),
            ("data.moves", data.moves.to_string()),
            ("data.features_from", data.features_from.join(", ")),
        ]
    };
    let pairs = features(&config.data).into_iter().zip(features(data));
    for ((field, asked), (_, read)) in pairs {
        if asked != read {
            let shown = |text: String| {
                if text.is_empty() {
                    "empty".into()
                } else {
                    text
                }
            };
            let expected = format!(
                "{}, as the network of {} reads them",
                shown(read),
                file.display()
            );
            return Err(Error::setting(field, shown(asked), expected));
        }
    }
    Ok(())
}
