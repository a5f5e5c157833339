//! The receipt of a rollout, in one block.

use teal_engine::event::{Carried, Figures, Receipt};

use crate::{
    text::{count, counted, harmless},
    theme::{Theme, paint},
};

/// What was asked and answered, when and by whom; what went through besides; what was cut; and what
/// could not be promised.
pub(crate) fn receipt(receipt: &Receipt, theme: Theme) -> Vec<String> {
    let mut lines = probe(receipt, theme);
    lines.extend(traffic(receipt));
    if let Some(cut) = receipt.cut {
        lines.push(format!("  {} cut off", counted(cut, "in-flight request")));
    }
    if let Some(closed) = receipt.closed.filter(|closed| *closed > 0) {
        lines.push(format!(
            "  {} of unknown use closed: silent since before the rollout, idle or WebSockets and event streams with nothing to say",
            counted(closed, "connection")
        ));
    }
    lines.extend(
        receipt
            .left
            .iter()
            .map(|text| format!("  {} {}", paint(theme.warning, "left:"), harmless(text))),
    );
    lines.extend(receipt.kept_volumes.iter().map(|volume| {
        let target = harmless(&volume.target);
        format!(
            "  kept anonymous volume {}, which Blue had at {target}",
            harmless(&volume.id)
        )
    }));
    lines.extend(promises(&receipt.unpromised, &receipt.bypass, theme));
    lines
}

/// One line: `4,812 requests, 0 failed, longest gap 38 ms, p50 5 ms, p99 21 ms`.
pub(crate) fn in_short(receipt: &Receipt) -> String {
    if receipt.target.is_none() {
        return "-".to_owned();
    }
    let no_proof = match receipt.unproved {
        Some(_) => ", no proof",
        None => "",
    };
    let handover = match receipt.handover {
        Some(gap) if gap.failed > 0 => {
            format!(", {} in the announced handover", count(gap.failed))
        }
        _ => String::new(),
    };
    format!(
        "{}, {} failed{handover}{no_proof}",
        counted(receipt.requests, "request"),
        count(receipt.failed)
    )
}

/// What a rollout can't promise, and who reaches the service past Traefik.
pub(super) fn promises(unpromised: &[String], bypass: &[String], theme: Theme) -> Vec<String> {
    let mut lines: Vec<_> = unpromised
        .iter()
        .map(|text| {
            format!(
                "  {} {}",
                paint(theme.warning, "limitation:"),
                harmless(text)
            )
        })
        .collect();
    if !bypass.is_empty() {
        lines.push(format!(
            "  {} {}; their requests reach both Blue and Green, and may fail when Blue stops",
            paint(theme.warning, "called by name from:"),
            harmless(&bypass.join(", "))
        ));
    }
    lines
}

fn probe(receipt: &Receipt, theme: Theme) -> Vec<String> {
    let heading = paint(theme.strong, "Live probe");
    let Some(target) = &receipt.target else {
        let why = receipt.unasked.as_deref().unwrap_or("nothing was asked");
        return vec![format!("{heading} off: {}", harmless(why))];
    };
    let expected = match receipt.expected_status {
        Some(status) if status >= 400 => format!(", expects {status} as before"),
        _ => String::new(),
    };
    let unproved = receipt.unproved.as_ref().map(|why| {
        let why = format!(", {}", harmless(why));
        paint(theme.warning, &why)
    });
    let mut lines = vec![
        format!("{heading} {}{expected}", harmless(target)),
        format!(
            "  {}, {} failed{}, longest gap {:.0} ms, p50 {:.0} ms, p99 {:.0} ms",
            counted(receipt.requests, "request"),
            count(receipt.failed),
            unproved.unwrap_or_default(),
            receipt.worst_gap_ms,
            receipt.p50_ms,
            receipt.p99_ms
        ),
    ];
    lines.extend(apart(receipt));
    lines.extend(
        receipt
            .failures
            .iter()
            .map(|text| format!("    {} {}", paint(theme.failure, "failed:"), harmless(text))),
    );
    lines.extend(over_time(receipt));
    lines.extend(by_color(receipt, theme));
    lines
}

/// What was announced or limited, and so is not a failure.
fn apart(receipt: &Receipt) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(gap) = receipt
        .handover
        .filter(|gap| gap.gap_ms > 0.0 || gap.failed > 0)
    {
        let cut = match gap.cut {
            0 => String::new(),
            cut => format!("; {} cut off", counted(cut, "in-flight request")),
        };
        lines.push(format!(
            "  {} in the announced handover of the port, {:.1} s{cut}",
            count(gap.failed),
            gap.gap_ms / 1e3
        ));
    }
    if receipt.limited > 0 {
        lines.push(format!(
            "  {} answered 429: how often is asked is limited, so they tell nothing of the service",
            counted(receipt.limited, "request")
        ));
    }
    lines
}

/// `  before → during → after: p50 4 → 5 → 4 ms, p99 20 → 21 → 9 ms`
fn over_time(receipt: &Receipt) -> Option<String> {
    let moments: Vec<_> = [
        ("before", receipt.before),
        ("during", receipt.during),
        ("after", receipt.after),
    ]
    .into_iter()
    .filter(|(_, figures)| figures.requests > 0)
    .collect();
    if moments.is_empty() {
        return None;
    }
    let row = |value: &dyn Fn(&Figures) -> String| {
        let values: Vec<_> = moments.iter().map(|(_, figures)| value(figures)).collect();
        values.join(" → ")
    };
    let names: Vec<_> = moments.iter().map(|(name, _)| *name).collect();
    Some(format!(
        "  {}: {} requests, p50 {} ms, p99 {} ms",
        names.join(" → "),
        row(&|figures| count(figures.requests)),
        row(&|figures| format!("{:.0}", figures.p50_ms)),
        row(&|figures| format!("{:.0}", figures.p99_ms)),
    ))
}

fn by_color(receipt: &Receipt, theme: Theme) -> Option<String> {
    let one = |name: &str, style, figures: Figures| {
        (figures.requests > 0).then(|| {
            format!(
                "{} {}, {} failed, p50 {:.0} ms, p99 {:.0} ms",
                paint(style, name),
                count(figures.requests),
                count(figures.failed),
                figures.p50_ms,
                figures.p99_ms
            )
        })
    };
    let known = receipt.blue.requests + receipt.green.requests;
    let either = receipt.requests.saturating_sub(known);
    let parts: Vec<_> = [
        one("Blue", theme.blue, receipt.blue),
        one("Green", theme.green, receipt.green),
        (either > 0 && known > 0).then(|| format!("Blue or Green {}", count(either))),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| format!("  {}", parts.join("; ")))
}

/// `  all traffic: Blue 120 connections, 4.0 MB sent; Green …`
fn traffic(receipt: &Receipt) -> Option<String> {
    let one = |name: &str, carried: Option<Carried>| {
        let carried = carried?;
        Some(format!(
            "{name} {} connections, {} in, {} out",
            count(carried.connections),
            bytes(carried.bytes_received),
            bytes(carried.bytes_sent)
        ))
    };
    let parts: Vec<_> = [
        one("Blue", receipt.blue_traffic),
        one("Green", receipt.green_traffic),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| format!("  all traffic: {}", parts.join("; ")))
}

/// `999 B`, `4.0 kB`, `12.3 MB`.
fn bytes(n: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    if n < 1000 {
        return format!("{n} B");
    }
    let mut tenths = n / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < units.len() {
        tenths /= 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, units[unit])
}

#[cfg(test)]
mod tests {
    use teal_engine::event::HandoverGap;

    use super::*;

    const fn figures(requests: u32, p50_ms: f64, p99_ms: f64) -> Figures {
        Figures {
            requests,
            failed: 0,
            p50_ms,
            p99_ms,
        }
    }

    #[test]
    fn the_whole_receipt_is_one_block() {
        let all = Receipt {
            target: Some("GET http://localhost:8000/".into()),
            expected_status: Some(404),
            requests: 4812,
            failed: 1,
            worst_gap_ms: 38.2,
            p50_ms: 4.6,
            p99_ms: 21.4,
            failures: vec!["answered 502 instead of 404".into()],
            before: figures(300, 4.0, 20.0),
            during: figures(4492, 5.0, 21.0),
            after: figures(20, 3.0, 9.0),
            blue: figures(2810, 4.0, 21.0),
            green: figures(1800, 3.0, 19.0),
            blue_traffic: Some(Carried {
                connections: 1200,
                bytes_received: 999,
                bytes_sent: 4_040_000,
            }),
            cut: Some(2),
            closed: Some(3),
            left: vec!["`proxy` still calls Blue".into()],
            unpromised: vec!["TCP routers are not steered".into()],
            bypass: vec!["worker".into(), "cron".into()],
            ..Receipt::default()
        };
        assert_eq!(
            receipt(&all, Theme::default()).join("\n"),
            "Live probe GET http://localhost:8000/, expects 404 as before\n  \
               4,812 requests, 1 failed, longest gap 38 ms, p50 5 ms, p99 21 ms\n    \
                 failed: answered 502 instead of 404\n  \
               before → during → after: 300 → 4,492 → 20 requests, p50 4 → 5 → 3 ms, p99 20 → 21 → 9 ms\n  \
               Blue 2,810, 0 failed, p50 4 ms, p99 21 ms; Green 1,800, 0 failed, p50 3 ms, p99 19 ms; Blue or Green 202\n  \
               all traffic: Blue 1,200 connections, 999 B in, 4.0 MB out\n  \
               2 in-flight requests cut off\n  \
               3 connections of unknown use closed: silent since before the rollout, idle or WebSockets and event streams with nothing to say\n  \
               left: `proxy` still calls Blue\n  \
               limitation: TCP routers are not steered\n  \
               called by name from: worker, cron; their requests reach both Blue and Green, and may fail when Blue stops"
        );
    }

    #[test]
    fn figures_that_prove_nothing_say_so_themselves() {
        let unproved = Receipt {
            target: Some("GET http://localhost/".into()),
            expected_status: Some(404),
            requests: 1269,
            unproved: Some("all answered 404: no proof".into()),
            ..Receipt::default()
        };
        let lines = receipt(&unproved, Theme::default());
        let wanted = "1,269 requests, 0 failed, all answered 404: no proof, longest gap";
        assert!(lines[1].contains(wanted), "{}", lines[1]);
        assert_eq!(in_short(&unproved), "1,269 requests, 0 failed, no proof");
    }

    #[test]
    fn a_receipt_of_an_older_teal_has_its_totals() {
        let old: Receipt = serde_json::from_str(
            r#"{"target": "GET http://localhost/", "requests": 10, "failed": 0,
                "worstGapMs": 9.0, "p50Ms": 1.0, "p99Ms": 2.0, "failures": []}"#,
        )
        .unwrap();
        assert_eq!(
            receipt(&old, Theme::default()).join("\n"),
            "Live probe GET http://localhost/\n  \
             10 requests, 0 failed, longest gap 9 ms, p50 1 ms, p99 2 ms"
        );
        assert_eq!(in_short(&old), "10 requests, 0 failed");
    }

    #[test]
    fn without_a_probe_it_says_why() {
        let none = Receipt {
            unasked: Some("the live probe is switched off".into()),
            ..Receipt::default()
        };
        assert_eq!(
            receipt(&none, Theme::default()),
            ["Live probe off: the live probe is switched off"]
        );
    }

    #[test]
    fn bytes_are_short() {
        for (n, text) in [
            (0, "0 B"),
            (1000, "1.0 kB"),
            (999_999, "999.9 kB"),
            (12_345_678, "12.3 MB"),
            (5_000_000_000_000_000, "5000.0 TB"),
        ] {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn the_announced_gap_is_no_failure() {
        let receipt = Receipt {
            target: Some("GET http://localhost:8080/".to_owned()),
            requests: 900,
            handover: Some(HandoverGap {
                failed: 6,
                gap_ms: 812.0,
                cut: 2,
            }),
            limited: 7,
            ..Receipt::default()
        };
        let text = super::receipt(&receipt, Theme::default()).join("\n");
        assert!(text.contains("900 requests, 0 failed"), "{text}");
        assert!(
            text.contains(
                "  6 in the announced handover of the port, 0.8 s; 2 in-flight requests cut off\n"
            ),
            "{text}"
        );
        assert!(text.contains("7 requests answered 429"), "{text}");
        assert_eq!(
            in_short(&receipt),
            "900 requests, 0 failed, 6 in the announced handover"
        );
    }
}
