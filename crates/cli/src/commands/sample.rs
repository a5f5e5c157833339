//! `teal sample`

use teal_engine::Paths;

use super::{Outcome, connect};
use crate::{cli::SampleAction, screen::Screen};

pub(super) async fn run(action: SampleAction, screen: &mut Screen) -> Outcome {
    let engine = connect().await?;
    let directory = Paths::find()?.data.join(teal_sample::DIRECTORY);
    match action {
        SampleAction::Up => {
            let source = teal_sample::up(&engine, &directory, |step| {
                if !screen.is_json {
                    screen.line(&step.to_string());
                }
            })
            .await?;
            if screen.is_json {
                screen.json(&source);
            } else {
                for file in &source.files {
                    let file = file.display();
                    screen.line(&format!(
                        "Next: teal deploy hello -f {file} --cpus 1.5 --memory 768M"
                    ));
                }
            }
        }
        SampleAction::Down => teal_sample::down(&engine, &directory).await?,
    }
    Ok(0)
}
