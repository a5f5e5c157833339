//! The image of `hello` for tests.

use std::{env, fs::File};

use bollard::Docker;
use teal_sample::image;

/// Imports `hello` unless it is there, and returns the image's name. It stays for the next run; its
/// name holds the program's digest, so that different builds can run side by side.
pub(crate) async fn hello(docker: &Docker) -> String {
    let name = format!("teal-testkit/hello:{}", image::DIGEST);
    // One at a time, across processes: two imports at once would leave an image without a name.
    let lock = File::create(env::temp_dir().join("teal-testkit-import"))
        .expect("the temporary directory can be written");
    let _lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock))
        .await
        .expect("the lock's task ends")
        .expect("the lock can be taken");
    if !image::is_current(docker, &name)
        .await
        .expect("the engine answers")
    {
        image::import(docker, &name)
            .await
            .expect("`hello` can be imported");
    }
    name
}
