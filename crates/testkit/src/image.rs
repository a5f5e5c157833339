//! The images of tests.

use std::{
    env,
    fs::{self, File},
};

use bollard::{
    Docker, body_full,
    query_parameters::{BuildImageOptionsBuilder, CreateImageOptionsBuilder},
};
use futures_util::TryStreamExt;
use teal_sample::{TRAEFIK, image};

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

/// Imports an image with a shell, `wget` and `httpd`, as many public images have them: this
/// machine's static busybox. By default it serves `/` and `/health` at port 8080.
///
/// # Panics
/// There is no busybox.
pub async fn busybox(docker: &Docker) -> String {
    const NAME: &str = "teal-testkit/busybox:1";
    const COMMANDS: [&str; 6] = ["httpd", "nslookup", "sh", "sleep", "true", "wget"];
    if docker.inspect_image(NAME).await.is_ok() {
        return NAME.to_owned();
    }
    let mut archive = tar::Builder::new(Vec::new());
    put(&mut archive, "bin/busybox", 0o755, &static_busybox());
    put(&mut archive, "www/index.html", 0o644, b"hello\n");
    put(&mut archive, "www/health", 0o644, b"well\n");
    for command in COMMANDS {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive
            .append_link(&mut header, format!("bin/{command}"), "busybox")
            .expect("an archive in memory takes any link");
    }
    let archive = archive.into_inner().expect("an archive in memory ends");
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo(NAME)
        .changes(vec![
            "EXPOSE 8080".to_owned(),
            r#"CMD ["/bin/httpd", "-f", "-p", "8080", "-h", "/www"]"#.to_owned(),
        ])
        .build();
    docker
        .create_image(Some(options), Some(body_full(archive.into())), None)
        .try_collect::<Vec<_>>()
        .await
        .expect("busybox can be imported");
    NAME.to_owned()
}

/// Builds a Traefik of the official image's shape: a script starts it, its command does not name it,
/// labels do. Its own name says nothing of it. The program is [`TRAEFIK`]'s.
///
/// # Panics
/// There is no busybox for the script.
pub async fn official_traefik(docker: &Docker) -> String {
    const NAME: &str = "teal-testkit/official:1";
    const DOCKERFILE: &str = r#"
COPY sh /bin/sh
COPY entrypoint.sh /entrypoint.sh
WORKDIR /
EXPOSE 80
ENTRYPOINT ["/entrypoint.sh"]
CMD ["traefik"]
LABEL org.opencontainers.image.title=Traefik org.opencontainers.image.version=v3.7
"#;
    const ENTRY_POINT: &str = r#"#!/bin/sh
set -e
if [ "${1#-}" != "$1" ]; then
    set -- traefik "$@"
fi
exec "$@"
"#;
    if docker.inspect_image(NAME).await.is_ok() {
        return NAME.to_owned();
    }
    let mut archive = tar::Builder::new(Vec::new());
    let dockerfile = format!("FROM {TRAEFIK}{DOCKERFILE}");
    put(&mut archive, "Dockerfile", 0o644, dockerfile.as_bytes());
    put(&mut archive, "entrypoint.sh", 0o755, ENTRY_POINT.as_bytes());
    put(&mut archive, "sh", 0o755, &static_busybox());
    let archive = archive.into_inner().expect("an archive in memory ends");
    let options = BuildImageOptionsBuilder::new().t(NAME).rm(true).build();
    docker
        .build_image(options, None, Some(body_full(archive.into())))
        .try_collect::<Vec<_>>()
        .await
        .expect("an image can be built upon Traefik's");
    NAME.to_owned()
}

fn static_busybox() -> Vec<u8> {
    ["/bin/busybox", "/usr/bin/busybox"]
        .iter()
        .find_map(|path| fs::read(path).ok())
        .expect("this test needs a static busybox; `cargo xtask setup` installs it")
}

fn put(archive: &mut tar::Builder<Vec<u8>>, path: &str, mode: u32, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    archive
        .append_data(&mut header, path, content)
        .expect("an archive in memory takes any file");
}
