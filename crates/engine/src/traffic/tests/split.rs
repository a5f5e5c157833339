//! Splits: who answers, and that nobody is refused.

use super::*;

#[tokio::test]
async fn traffic_goes_from_blue_to_both_to_green_without_a_failed_request() {
    let mut stage = Stage::up(Template::named("split").replicas(2)).await;
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    let running = stage.project.traffic().start();
    some_traffic(&running, 20).await;

    let mut marks = Vec::new();
    for (to_blue, to_green) in [
        (&blue[..], &[][..]),
        (&blue, &green),
        (&[], &green),
        (&blue, &[]),
    ] {
        let asked = Instant::now();
        stage.traffic.shift(to_blue, to_green).await.unwrap();
        println!("served after {:?}", asked.elapsed());
        let begin = Instant::now();
        some_traffic(&running, 30).await;
        marks.push((begin, Instant::now(), [to_blue, to_green].concat()));
    }
    stage.traffic.release().await.unwrap();
    some_traffic(&running, 20).await;
    let report = running.stop().await;
    println!("{report}");
    report.assert_none_failed();
    for (begin, end, ids) in marks {
        assert_answered_by(&report, begin, end, &ids);
    }
}
