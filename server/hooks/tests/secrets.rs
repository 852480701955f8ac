//! Secrets that are exchanged while the server runs.

use super::*;
use crate::hooks::sign::Signer;

/// The last request is signed with these.
fn assert_last_is_signed(application: &Application, secrets: &str) {
    let request = application.requests().pop().unwrap();
    let at = request.headers["webhook-timestamp"].parse().unwrap();
    let signer = Signer::read(secrets).unwrap();
    let expected = signer.sign(&request.headers["webhook-id"], at, &request.body);
    assert_eq!(request.headers["webhook-signature"], expected.unwrap());
}

#[tokio::test]
async fn a_reload_exchanges_them_and_a_file_that_is_wrong_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let both = format!("whsec_{}\n{SECRET}\n", "QUJD".repeat(8));
    std::fs::write(&path, SECRET).unwrap();
    let application = Application::start(accept);
    let house = house(&options(&application, |options| {
        options.secret_file = Some(path.clone());
    }));
    let client = house.client().await;
    let say = async |text: &str| {
        client.write(text).await.unwrap();
        application.wait_for(|event| event["data"] == text).await;
    };
    say("first").await;
    assert_last_is_signed(&application, SECRET);
    std::fs::write(&path, &both).unwrap();
    say("not yet").await;
    assert_last_is_signed(&application, SECRET);
    assert_eq!(house.hooks.reload(), Ok(true));
    say("both").await;
    assert_last_is_signed(&application, &both);
    std::fs::write(&path, "short").unwrap();
    let refused = house.hooks.reload().unwrap_err();
    assert!(
        refused.starts_with("hooks-secret-file: ") && !refused.contains("short"),
        "{refused}"
    );
    say("still both").await;
    assert_last_is_signed(&application, &both);
    drop(client);
    house.end().await;
}
