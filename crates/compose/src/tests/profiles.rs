//! Services of profiles that are off, and what Compose warns of.

use super::*;
use teal_model::{Error, Place};

/// Two ways to run the same program: Compose starts one of them.
const EXCLUSIVE: &str = "
services:
  web: {image: 'nginx:1'}
  app-small: {image: 'example/app:1', profiles: [small], container_name: app}
  app-large: {image: 'example/app:1', profiles: [large], container_name: app}
";

fn with(profile: &str) -> ProjectSource {
    ProjectSource {
        profiles: vec![profile.to_owned()],
        ..ProjectSource::default()
    }
}

fn names(model: &ComposeModel) -> Vec<&str> {
    model.services.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn profiles_that_rule_each_other_out_are_left_to_who_turns_one_on() {
    let project = folder(&[("compose.yaml", EXCLUSIVE)]);
    let (_, model) = open(project.path()).await.unwrap();
    assert_eq!(names(&model), ["web"]);
    let [notice] = model.notices.as_slice() else {
        panic!("wanted one notice: {:?}", model.notices)
    };
    assert!(
        notice.contains("profiles that are off") && notice.contains("container name"),
        "{notice}"
    );
    let (_, model) = open_as(project.path(), &with("small")).await.unwrap();
    assert_eq!(names(&model), ["app-small", "web"]);
    assert_eq!(model.services["app-small"].off_profiles(), [""; 0]);
    assert!(open_as(project.path(), &with("*")).await.is_err());
}

#[tokio::test]
async fn a_file_that_only_a_profile_that_is_off_needs_may_be_missing() {
    let project = folder(&[(
        "compose.yaml",
        "services: {web: {image: x}, test: {image: x, profiles: [test], env_file: [gone.env]}}\n",
    )]);
    let (_, model) = open(project.path()).await.unwrap();
    assert_eq!(names(&model), ["web"]);
    assert!(
        model.notices.iter().any(|it| it.contains("gone.env")),
        "{:?}",
        model.notices
    );
    let refused = open_as(project.path(), &with("test")).await;
    assert!(
        matches!(refused, Err(Error::ProjectInvalid { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_service_of_a_profile_that_is_off_tells_which_one_turns_it_on() {
    let project = folder(&[(
        "compose.yaml",
        "services: {web: {image: x}, debug: {image: x, profiles: [tools, all]}}\n",
    )]);
    let (_, model) = open(project.path()).await.unwrap();
    assert_eq!(model.services["debug"].off_profiles(), ["tools", "all"]);
    assert_eq!(model.services["web"].off_profiles(), [""; 0]);
    assert_eq!(model.notices, [""; 0]);
}

#[tokio::test]
async fn a_file_is_changed_where_other_profiles_can_not_be_read() {
    let project = folder(&[("compose.yaml", EXCLUSIVE)]);
    let compose = compose().await;
    let (source, model) = open(project.path()).await.unwrap();
    let files = Files { source, model };
    let keys: [&[&str]; 1] = [&["cpus"]];
    let target = compose
        .target(&files.source, "web", Place::Override, &keys)
        .await
        .unwrap();
    let edit = Edit::set(&["services", "web", "cpus"], Node::Yaml("0.5".to_owned()));
    let changed = compose
        .change(&files, &target, &[edit], &["web"])
        .await
        .unwrap();
    assert_eq!(
        changed.model.services["web"].limits().cpus,
        "0.5".parse().ok()
    );
}

/// Without the name that both have, Compose takes the services of every profile again.
#[tokio::test]
async fn a_change_that_lets_other_profiles_be_read_is_not_taken_for_theirs() {
    let project = folder(&[("compose.yaml", EXCLUSIVE)]);
    let compose = compose().await;
    let (source, model) = open_as(project.path(), &with("small")).await.unwrap();
    let files = Files { source, model };
    let keys: [&[&str]; 1] = [&["container_name"]];
    let target = compose
        .target(&files.source, "app-small", Place::Override, &keys)
        .await
        .unwrap();
    let removal = Edit::set(&["services", "app-small", "container_name"], Node::reset());
    let changed = compose
        .change(&files, &target, &[removal], &["app-small"])
        .await
        .unwrap();
    assert_eq!(changed.model.services["app-small"].container_name, None);
    assert_eq!(names(&changed.model), ["app-small", "web"]);
}

fn words(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

async fn opened_beside(text: &str, profiles: &[&str], present: &[&str]) -> Files {
    let project = folder(&[("compose.yaml", text)]);
    let named = ProjectSource {
        profiles: words(profiles),
        ..ProjectSource::default()
    };
    let (source, model) = open_as(project.path(), &named).await.unwrap();
    let files = Files { source, model };
    assert!(files.model.leaves_out);
    let compose = compose().await;
    compose
        .with_profiles_of(files, &words(present))
        .await
        .unwrap()
}

/// `docker compose --profile small up -d`, and then it is opened by its file alone.
#[tokio::test]
async fn a_profile_with_containers_is_on() {
    let files = opened_beside(EXCLUSIVE, &[], &["app-small", "gone", "web"]).await;
    assert_eq!(names(&files.model), ["app-small", "web"]);
    assert_eq!(files.source.profiles, ["small"]);
    assert_eq!(files.model.notices.len(), 1, "{:?}", files.model.notices);
    let files = opened_beside(EXCLUSIVE, &[], &["web"]).await;
    assert_eq!(names(&files.model), ["web"]);
    assert_eq!(files.source.profiles, [""; 0]);
}

#[tokio::test]
async fn a_service_with_containers_that_is_left_out_is_told() {
    let files = opened_beside(EXCLUSIVE, &["large"], &["app-large", "app-small"]).await;
    assert_eq!(names(&files.model), ["app-large", "web"]);
    assert_eq!(files.source.profiles, ["large"]);
    assert!(
        files
            .model
            .notices
            .iter()
            .any(|it| it.starts_with("`app-small` has containers and is left out")),
        "{:?}",
        files.model.notices
    );
}

/// Of the profiles of a service the one that starts the least besides.
#[tokio::test]
async fn of_several_profiles_the_smallest_is_on() {
    let text = "
services:
  web: {image: x}
  debug: {image: x, profiles: [all, tools]}
  more: {image: x, profiles: [all]}
  test: {image: x, profiles: [test], env_file: [gone.env]}
";
    let files = opened_beside(text, &[], &["debug"]).await;
    assert_eq!(files.source.profiles, ["tools"]);
    assert_eq!(names(&files.model), ["debug", "web"]);
}

#[tokio::test]
async fn composes_warnings_are_kept_in_its_words() {
    let project = folder(&[(
        "compose.yaml",
        "services: {app: {image: 'example/app:${TEAL_TEST_UNSET}'}, web: {image: 'nginx:1'}}\n",
    )]);
    let (_, model) = open(project.path()).await.unwrap();
    assert_eq!(
        model.notices,
        ["The \"TEAL_TEST_UNSET\" variable is not set. Defaulting to a blank string."]
    );
    assert_eq!(model.services["app"].image.as_deref(), Some("example/app:"));
}
