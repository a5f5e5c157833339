//! What the page may ask for: names and paths are checked once, here, before they reach the engine,
//! which judges the rest.

use std::path::Path;

use jiff::Timestamp;
use teal_engine::model::{ProjectSource, ReadyRequest, RolloutRequest};

use crate::command_error::CommandError;

const MOST_NAMES: usize = 200;
const LONGEST_NAME: usize = 255;
const MOST_LOG_LINES: u32 = 10_000;

type Checked = Result<(), CommandError>;

pub(crate) fn check_source(source: &ProjectSource) -> Checked {
    let paths = source.files.iter().chain(&source.env_files);
    for path in paths.chain(&source.project_directory) {
        check_path(path)?;
    }
    for name in source.profiles.iter().chain(&source.project_name) {
        check_name(name)?;
    }
    if source.files.len() + source.env_files.len() + source.profiles.len() > MOST_NAMES {
        return Err(CommandError::bad_input("too many files or profiles"));
    }
    Ok(())
}

pub(crate) fn check_request(request: &RolloutRequest) -> Checked {
    check_source(&request.source)?;
    check_name(&request.service)
}

pub(crate) fn check_ready(request: &ReadyRequest) -> Checked {
    check_source(&request.source)?;
    check_name(&request.service)?;
    request.edge_image.as_deref().map_or(Ok(()), check_image)
}

/// Whether a word is what it has to be; `is_not` ends the sentence where it is not.
fn wanted(is_good: bool, word: &str, is_not: &str) -> Checked {
    if is_good {
        return Ok(());
    }
    let word = word.escape_debug();
    Err(CommandError::bad_input(format!("`{word}` is {is_not}")))
}

/// A name of Compose's or Docker's: the first character is never one that begins an option.
pub(crate) fn check_name(name: &str) -> Checked {
    let is_name = name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    wanted(is_name, name, "no name of Docker's or Compose's")
}

/// What a file is to be called: a place is chosen by a person, never by the page.
pub(crate) fn check_file_name(name: &str) -> Checked {
    let is_name = !name.is_empty()
        && name.len() <= LONGEST_NAME
        && !name.starts_with(['.', '-'])
        && !name.contains(|c: char| c.is_control() || "/\\:*?\"<>|".contains(c));
    wanted(is_name, name, "no name of a file")
}

/// An image as Docker names them: never an option, never more than one word.
pub(crate) fn check_image(image: &str) -> Checked {
    let is_image = image.len() <= 2 * LONGEST_NAME
        && image.starts_with(|c: char| c.is_ascii_alphanumeric())
        && image
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-/:@".contains(c));
    wanted(is_image, image, "no name of an image")
}

pub(crate) fn check_containers(containers: &[String]) -> Checked {
    if containers.len() > MOST_NAMES {
        return Err(CommandError::bad_input("too many containers"));
    }
    containers
        .iter()
        .try_for_each(|container| check_name(container))
}

pub(crate) fn check_tail(tail: u32) -> Checked {
    if tail > MOST_LOG_LINES {
        return Err(CommandError::bad_input("too many log lines are asked for"));
    }
    Ok(())
}

/// The id of a plan, as the page was shown it.
pub(crate) fn check_plan_id(id: &str) -> Checked {
    let is_id = id.len() <= LONGEST_NAME && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    wanted(is_id && !id.is_empty(), id, "no plan's id")
}

/// A moment, as log lines have it.
pub(crate) fn moment(text: &str) -> Result<Timestamp, CommandError> {
    text.parse()
        .map_err(|_| CommandError::bad_input(format!("`{}` is not a time", text.escape_debug())))
}

/// Relative paths would be resolved where the program happens to run, and `-` is standard input.
fn check_path(path: &Path) -> Checked {
    let has_nul = path.as_os_str().as_encoded_bytes().contains(&0);
    if path.is_absolute() && !has_nul {
        Ok(())
    } else {
        Err(CommandError::bad_input(format!(
            "`{}` is not an absolute path",
            path.to_string_lossy().escape_debug()
        )))
    }
}

#[cfg(test)]
mod tests {
    use teal_engine::model::{LimitsChange, Origin, RolloutOptions};

    use super::*;

    fn request() -> RolloutRequest {
        RolloutRequest {
            source: ProjectSource {
                files: vec!["/srv/shop/compose.yml".into()],
                ..ProjectSource::default()
            },
            service: "web".into(),
            change: LimitsChange::default(),
            options: RolloutOptions::default(),
            origin: Origin::Window,
            to_revision: None,
            limits_from_file: false,
            recreate: false,
        }
    }

    #[test]
    fn a_usual_request_passes() {
        assert_eq!(check_request(&request()), Ok(()));
    }

    #[test]
    fn what_can_not_be_right_is_refused() {
        let broken: [fn(&mut RolloutRequest); 6] = [
            |request| request.service = String::new(),
            |request| request.service = "--help".into(),
            |request| request.service = "a/b".into(),
            |request| request.source.files.push("-".into()),
            |request| request.source.files.push("compose.yml".into()),
            |request| request.source.profiles.push("a b".into()),
        ];
        for (number, break_it) in broken.iter().enumerate() {
            let mut request = request();
            break_it(&mut request);
            let error = check_request(&request).unwrap_err();
            assert_eq!(error.code, "badInput", "number {number}");
        }
    }
}
