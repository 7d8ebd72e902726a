//! One small program that is a producer and a worker, by JSON over HTTP: `hash produce WORD...` and `hash work`.
//! With gRPC at hand (tonic) the `Work` stream is there too; the contract is in Protos.
use serde_json::{json, Value};
use sha2::{Digest, Sha256};
use std::sync::{atomic::{AtomicBool, Ordering}, Arc};
use std::time::Duration;

/// Says who calls, to a server with --auth. In plaintext it goes no further than this machine unless that is said.
fn who(server: &str) -> Option<String> {
    let token = std::env::var("GKICK_TOKEN").ok().filter(|token| !token.is_empty())?;
    let host = server.strip_prefix("http://").map(|rest| rest.split('/').next().unwrap_or(""));
    let is_local = |host: &str| {
        let name = if host.ends_with(']') { host } else { host.rsplit_once(':').map_or(host, |(name, _)| name) };
        let address = name.trim_matches(|bracket| bracket == '[' || bracket == ']').parse::<std::net::IpAddr>();
        name == "localhost" || address.map_or(false, |address| address.is_loopback())
    };
    if host.map_or(false, |host| !is_local(host)) && std::env::var("GKICK_INSECURE_TOKEN").as_deref() != Ok("1") {
        eprintln!("GKICK_TOKEN is not sent to {server} in plaintext unless GKICK_INSECURE_TOKEN=1 says so");
        std::process::exit(1);
    }
    Some(format!("Bearer {token}"))
}

/// One call: the request's and the answer's message. The error begins with gRPC's name of what went wrong.
fn call(method: &str, message: Value, timeout: Duration) -> Result<Value, String> {
    let server = std::env::var("GKICK_HTTP").unwrap_or("http://127.0.0.1:7451".into());
    let mut request = ureq::post(&format!("{server}/gkick.v1.{method}"))
        .set("Connect-Timeout-Ms", &timeout.as_millis().to_string())
        .timeout(timeout + Duration::from_secs(5));
    if let Some(token) = who(&server) {
        request = request.set("Authorization", &token);
    }
    match request.send_json(message) {
        Ok(answer) => answer.into_json().map_err(|error| format!("unavailable: {error}")),
        Err(ureq::Error::Status(status, answer)) => {
            let error: Value = answer.into_json().unwrap_or(json!({}));
            Err(format!("{}: {}", error["code"].as_str().unwrap_or("unavailable"), error["message"].as_str().unwrap_or(&status.to_string())))
        }
        Err(error) => Err(format!("unavailable: {error}")),
    }
}

fn produce(words: impl Iterator<Item = String>) -> Result<(), String> {
    for word in words {
        let job = json!({"name": "example.hash", "payload": base64::encode(word)}); // bytes are base64 in JSON
        let stored = call("JobService/Enqueue", json!({ "job": job }), Duration::from_secs(10))?;
        let done = call("JobService/WaitJob", json!({"jobId": stored["jobId"]}), Duration::from_secs(30))?;
        let result = base64::decode(done["job"]["result"].as_str().unwrap_or("")).unwrap_or_default();
        println!("{} {} {}", stored["jobId"], done["job"]["state"], String::from_utf8_lossy(&result));
    }
    Ok(())
}

fn run(job: &Value) -> Value {
    match base64::decode(job["payload"].as_str().unwrap_or("")) {
        Ok(payload) => json!({"lease": job["lease"], "success": {"result": base64::encode(format!("{:x}", Sha256::digest(payload)))}}),
        Err(error) => json!({"lease": job["lease"], "failure": {"type": "payload", "message": error.to_string(), "retryable": false}}),
    }
}

/// Comes back after the server was away, with the same id, and tells again what it could not tell. A job that takes longer than its
/// lease asks for more time with `"extend": [job["lease"]]`.
fn work() {
    let stopping = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, stopping.clone()).expect("a signal's handler");
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let id = format!("rust-{}-{}", std::process::id(), now.as_nanos());
    let mut unsent: Vec<Value> = vec![]; // until the server has said that it is stored
    let mut wait = Duration::from_millis(100);
    while !stopping.load(Ordering::Relaxed) || !unsent.is_empty() {
        let done = if unsent.is_empty() {
            let request = json!({"workerId": id, "queues": [{"queue": "default"}], "names": ["example.hash"], "maxJobs": 10, "maxWait": "2s", "lease": "30s"});
            call("WorkerService/Fetch", request, Duration::from_secs(10))
                .map(|answer| unsent = answer["jobs"].as_array().into_iter().flatten().map(run).collect())
        } else {
            call("WorkerService/Report", json!({"workerId": id, "outcomes": unsent}), Duration::from_secs(10)).map(|answer| {
                // UNAVAILABLE (14) and RESOURCE_EXHAUSTED (8): the store does not take it now.
                let mut results = answer["results"].as_array().into_iter().flatten();
                unsent.retain(|_| matches!(results.next().and_then(|result| result["statusCode"].as_i64()), Some(14 | 8)));
                if !unsent.is_empty() {
                    std::thread::sleep(Duration::from_secs(1));
                }
            })
        };
        wait = match done {
            Ok(()) => Duration::from_millis(100),
            Err(error) => {
                println!("{error}, again in {wait:?}");
                std::thread::sleep(wait);
                (wait * 2).min(Duration::from_secs(10))
            }
        };
    }
}

fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("produce") => produce(arguments),
        _ => Ok(work()),
    }
}
