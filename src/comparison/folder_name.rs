//! Turns the name of a row or a candidate into the name of a folder, so that no name leaves the folder of the comparison and no
//! two names share a folder.

use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// The longest name of a folder, in bytes. File systems take 255, and temporary files get longer names.
const LONGEST: usize = 200;

/// Names that Windows takes for devices, with any ending.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Returns the name of the folder of `name`.
///
/// Lower-case ASCII letters, digits, `-`, `_` and points inside stay. Every other byte becomes `%` and two digits, upper-case
/// letters too, because some file systems take `A` and `a` for the same.
///
/// # Errors
///
/// [`Error::Setting`] of `field` if the name is empty or the folder's name would be too long.
pub(super) fn folder_name(field: &str, name: &str) -> Result<String> {
    if name.is_empty() {
        return Err(Error::setting(
            field,
            "empty",
            "a name, which names a folder",
        ));
    }
    let last = name.len() - 1;
    let device = is_device(name);
    let encoded = name.bytes().enumerate().map(|(at, byte)| {
        let plain = match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => !(device && at == 0),
            // A point at the start hides a file, one at the end is dropped by Windows.
            b'.' => at != 0 && at != last,
            _ => false,
        };
        if plain {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02x}")
        }
    });
    let encoded: String = encoded.collect();
    if encoded.len() > LONGEST {
        let found = format!("{} bytes long as the name of a folder", encoded.len());
        return Err(Error::setting(
            field,
            found,
            format!("at most {LONGEST} bytes"),
        ));
    }
    Ok(encoded)
}

/// Returns `folder` in `parent`, or the folder called `name` itself if that is where a run was begun: version 0.1.0 did not
/// encode names.
pub(super) fn begun_or(parent: &Path, name: &str, folder: &str) -> PathBuf {
    let (encoded, plain) = (parent.join(folder), parent.join(name));
    let one = matches!(Path::new(name).components().collect::<Vec<_>>()[..], [Component::Normal(part)] if part == name);
    if one && !encoded.exists() && plain.is_dir() {
        plain
    } else {
        encoded
    }
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let numbered = |device: &str| {
        let rest = stem.strip_prefix(device);
        rest.is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    DEVICES.contains(&stem) || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn of(name: &str) -> Option<String> {
        folder_name("strategy", name).ok()
    }

    #[test]
    fn plain_names_stay_and_others_are_encoded() {
        for (name, folder) in [
            ("gradient-scale", "gradient-scale"),
            ("more-next_bar.2", "more-next_bar.2"),
            ("..", "%2e%2e"),
            ("../../x", "%2e.%2f..%2fx"),
            ("/etc/x", "%2fetc%2fx"),
            ("a\\b", "a%5cb"),
            ("con", "%63on"),
            ("nul.txt", "%6eul.txt"),
            ("com1", "%63om1"),
            ("common", "common"),
            ("CON", "%43%4f%4e"),
            ("100%", "100%25"),
            ("é\u{1b}", "%c3%a9%1b"),
        ] {
            assert_eq!(of(name).as_deref(), Some(folder));
        }
        assert_eq!(of(""), None);
        let long = folder_name("strategy", &"x".repeat(10_000)).unwrap_err();
        let expected = "`strategy` is 10000 bytes long as the name of a folder, but it must be at most 200 bytes";
        assert_eq!(long.to_string(), expected);
    }

    #[test]
    fn a_folder_of_an_earlier_version_is_found_and_none_outside() {
        let folder = tempfile::tempdir().unwrap();
        let parent = folder.path().join("comparison");
        std::fs::create_dir_all(parent.join("Sum")).unwrap();
        let of = |name: &str| begun_or(&parent, name, &of(name).unwrap());
        assert_eq!(of("Sum"), parent.join("Sum"));
        assert_eq!(of("Mean"), parent.join("%4dean"));
        for name in ["..", "../comparison", "./Sum", "Sum/"] {
            assert!(
                of(name)
                    .file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .contains('%'),
                "{name}"
            );
        }
        std::fs::create_dir(parent.join("%53um")).unwrap();
        assert_eq!(of("Sum"), parent.join("%53um"));
    }

    proptest! {
        #[test]
        fn a_folder_is_one_component_and_belongs_to_one_name(names in prop::collection::hash_set(r"[aA./\\%2e:é ]{1,5}|.{1,8}", 1..40)) {
            let folders: Vec<String> = names.iter().filter_map(|name| of(name)).collect();
            for folder in &folders {
                let parts: Vec<Component<'_>> = Path::new(folder).components().collect();
                prop_assert!(matches!(parts[..], [Component::Normal(part)] if part == folder.as_str()));
                prop_assert!(folder.is_ascii() && folder.to_lowercase() == *folder);
            }
            let different: HashSet<&String> = folders.iter().collect();
            prop_assert_eq!(different.len(), folders.len());
        }
    }
}
