//! An engine that is away for a while.
#![cfg(unix)]

use std::time::Duration;

use bollard::Docker;
use futures_util::StreamExt;
use teal_docker::{Heard, events};

#[tokio::test]
async fn what_happens_during_an_outage_is_heard_after_it() {
    let line = teal_testkit::Line::new();
    let docker = Docker::connect_with_host(&line.host()).unwrap();
    let name = format!("testkit-outage-{}", uuid::Uuid::new_v4().simple());
    let filters = [
        ("type", vec!["volume".to_owned()]),
        ("volume", vec![name.clone()]),
    ];
    let mut events = events(&docker, &filters);
    let direct = teal_testkit::docker().await;
    // Wakes up as the line is cut: the stream is opened when it is first asked.
    let opened = tokio::time::timeout(Duration::from_secs(1), events.next()).await;
    assert!(opened.is_err(), "{opened:?}");
    line.cut();
    assert!(matches!(events.next().await, Some(Heard::Away)));
    let request = bollard::models::VolumeCreateRequest {
        name: Some(name.clone()),
        ..Default::default()
    };
    direct.create_volume(request).await.unwrap();
    line.mend();
    assert!(matches!(events.next().await, Some(Heard::Back(_))));
    let heard = events.next().await;
    let options = None::<bollard::query_parameters::RemoveVolumeOptions>;
    direct.remove_volume(&name, options).await.unwrap();
    let Some(Heard::Event(event)) = heard else {
        panic!("{heard:?}");
    };
    assert_eq!(event.action.as_deref(), Some("create"));
}
