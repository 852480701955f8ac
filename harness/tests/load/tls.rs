//! The load over https, against a whole server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use allspark_engine::io::{DriverChoice, TlsAcceptor};
use allspark_engine::{Options, Place, Primus, Server};
use allspark_protocol::options::Bounded;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;

use crate::load_at;

/// A server that writes everything back, and the file of its certificate.
pub(crate) struct Secure {
    _server: Server,
    _directory: tempfile::TempDir,
    certificate: PathBuf,
    pub(crate) url: String,
}

impl Secure {
    pub(crate) fn start(driver: DriverChoice) -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let certificate = directory.path().join("cert.pem");
        std::fs::write(&certificate, cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        config.ticketer = ring::Ticketer::new().unwrap();
        let any = AnyTransformer::new(TransformerKind::Any, &CommonOptions::default(), &[]);
        let one = Some(Bounded::of(1));
        let primus = Primus::new(Options::default(), any.unwrap(), one, driver);
        primus.on_connection(|spark| {
            spark.on_data(|spark, data| {
                spark.write(data);
            });
        });
        let place = Place::from("0.0.0.0:0").tls(TlsAcceptor::new(config));
        let server = primus.start_on([place]).unwrap();
        let port = server.addresses()[0].port();
        Self {
            _server: server,
            _directory: directory,
            certificate,
            url: format!("https://127.0.0.1:{port}"),
        }
    }
}

fn ca(path: &Path) -> String {
    format!("--ca={}", path.display())
}

#[test]
fn clients_speak_over_tls_and_resume_their_sessions() {
    std::thread::scope(|scope| {
        for driver in [DriverChoice::Epoll, DriverChoice::Auto] {
            scope.spawn(move || speak(driver));
        }
    });
}

fn speak(driver: DriverChoice) {
    let server = Secure::start(driver);
    let (name, ca) = (driver.to_string(), ca(&server.certificate));
    let common = ["--driver", &name, "--clients", "5"];
    let play = |options: &[&str]| {
        let run = load_at(&server.url, &[&common, options].concat());
        assert_eq!(run.code, 0, "{} {}", run.report, run.complaints);
        run.report
    };
    let report = play(&[&ca, "--message-bytes", "50000"]);
    assert!(report["window"]["received"].as_u64() > Some(0), "{report}");
    assert_eq!(report["server"], format!("{}/primus", server.url));
    for (carried, transformer) in [("polling", "engine.io"), ("xhr", "sockjs")] {
        play(&[
            "--insecure",
            "--transformer",
            transformer,
            "--carrier",
            carried,
        ]);
    }
    let churn = ["--scenario", "churn", "--messages", "1"];
    let resumed = &play(&[&churn[..], &[&ca]].concat())["tls"]["resumed"];
    assert!(resumed.as_u64() > Some(0), "{resumed}");
    let report = play(&[&churn[..], &[&ca, "--no-resumption"]].concat());
    assert_eq!(report["tls"]["resumed"], 0, "{report}");
    let kinds = "slow-handshakes=20,half-handshakes=20,slow-frames=20,messages=5,deaf-echoes=5";
    let report = play(&["--insecure", "--p99-factor", "0", "--attack", kinds]);
    let attackers = &report["siege"]["attackers"];
    assert_eq!(attackers[1]["connections"], 20, "{report}");
    // Who does not read shakes hands all the same.
    assert!(attackers[4]["sent_bytes"].as_u64() > Some(0), "{report}");
}

#[test]
fn a_certificate_that_nobody_knows_is_refused() {
    let server = Secure::start(DriverChoice::Auto);
    let run = load_at(&server.url, &["--clients", "2"]);
    assert_eq!(run.code, 1, "{} {}", run.report, run.complaints);
    assert_eq!(run.report["findings"]["total"], 2, "{}", run.report);
    let wrong = load_at(&server.url, &["--ca", "/no/such/file"]);
    assert_eq!(wrong.code, 2, "{}", wrong.complaints);
}
