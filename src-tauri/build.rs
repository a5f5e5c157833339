use std::{env, fs, path::Path};

const PLACEHOLDER: &str =
    "<!doctype html><title>ui not built</title>\n<p>Run: npm --prefix ui run build\n";

fn main() {
    // A build script runs in the directory of Cargo.toml, here the top level: that is
    // why tauri.conf.json, icons/ and ui/dist resolve from there.
    //
    // generate_context! stops the compiler if frontendDist is absent. Let `cargo test` and
    // `cargo clippy` work on a checkout whose ui has not been built, but never a release.
    let index = Path::new("ui/dist/index.html");
    if !index.exists() {
        fs::create_dir_all("ui/dist").expect("ui/dist");
        fs::write(index, PLACEHOLDER).expect("placeholder");
    }
    if fs::read_to_string(index).is_ok_and(|s| s == PLACEHOLDER) {
        let message = "ui/dist is not built: run `npm --prefix ui ci && npm --prefix ui run build`";
        let is_release = env::var("PROFILE").as_deref() == Ok("release");
        assert!(!is_release, "{message}");
        println!("cargo:warning={message}; a placeholder page is embedded");
    }
    // a file added to ui/dist is not seen by the include_bytes! of generate_context!
    println!("cargo:rerun-if-changed=ui/dist");
    println!("cargo:rerun-if-changed=src-tauri/permissions");

    let app =
        tauri_build::AppManifest::new().permissions_path_pattern("./src-tauri/permissions/*.toml");
    if let Err(e) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(app)) {
        panic!("tauri-build: {e:#}");
    }
}
