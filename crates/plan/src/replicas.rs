//! How many containers Green gets.

use super::{Way, green::is_for_the_files};
use teal_history::configuration::difference;
use teal_model::{Difference, RolloutRequest};

/// As many as run now where somebody asks for other limits or goes back to a revision: who has
/// scaled by hand keeps that. As many as the files say where what they say is rolled out.
pub(super) fn replicas(request: &RolloutRequest, way: Way<'_>, files: u32, blue: usize) -> u32 {
    let blue = u32::try_from(blue).unwrap_or(u32::MAX);
    match way {
        Way::Live => blue,
        // A service that the files switch off was started by somebody.
        _ if files == 0 => blue,
        _ if is_for_the_files(request) || blue == 0 => files,
        _ => blue,
    }
}

/// Another number is a change of its own.
pub(super) fn changed(green: u32, blue: usize) -> Option<Difference> {
    let is_other = blue > 0 && usize::try_from(green) != Ok(blue);
    is_other.then(|| difference("replicas", &blue.to_string(), &green.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use teal_model::{LimitsChange, Origin, ProjectSource, RolloutOptions};

    fn request(memory: Option<&str>, to_revision: Option<u32>) -> RolloutRequest {
        RolloutRequest {
            source: ProjectSource::default(),
            service: "web".into(),
            change: LimitsChange {
                cpus: None,
                memory: memory.map(|memory| memory.parse().unwrap()),
            },
            limits_from_file: false,
            recreate: false,
            options: RolloutOptions::default(),
            origin: Origin::Terminal,
            to_revision,
        }
    }

    #[test]
    fn the_files_say_how_many_where_they_are_rolled_out() {
        let way = Way::Rollout("id");
        let files = request(None, None);
        assert_eq!(replicas(&files, way, 3, 2), 3);
        assert_eq!(replicas(&files, way, 1, 2), 1);
        assert_eq!(replicas(&files, way, 0, 2), 2);
        assert_eq!(replicas(&files, way, 2, 0), 2);
        assert_eq!(replicas(&files, Way::Live, 3, 2), 2);
    }

    #[test]
    fn other_limits_and_a_rollback_keep_the_number() {
        let way = Way::Preview("id");
        assert_eq!(replicas(&request(Some("256M"), None), way, 3, 2), 2);
        assert_eq!(replicas(&request(None, Some(4)), way, 3, 2), 2);
    }

    #[test]
    fn another_number_is_told() {
        assert_eq!(changed(2, 2), None);
        assert_eq!(changed(1, 0), None);
        assert_eq!(changed(3, 2), Some(difference("replicas", "2", "3")));
    }
}
