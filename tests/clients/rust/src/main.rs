//! redis-rs and fred. Arguments: multiplexed|manager|fred PORT CONTEXT PREFIX
use std::time::{Duration, Instant};

use futures::StreamExt;

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Returns the result of a step for its caller, as JSON.
fn told<T: std::fmt::Debug, E: std::fmt::Debug + std::fmt::Display>(began: Instant, result: Result<T, E>, kind: impl Fn(&E) -> String) -> String {
    let seconds = began.elapsed().as_secs_f64();
    match result {
        Ok(value) => format!("{{\"value\": {}, \"seconds\": {seconds:.3}}}", quoted(&format!("{value:?}"))),
        Err(error) => format!("{{\"error\": {}, \"seconds\": {seconds:.3}}}", quoted(&format!("{}: {error}", kind(&error)))),
    }
}

async fn redis_rs(kind: &str, port: &str, context: &str, prefix: &str) -> redis::RedisResult<()> {
    enum Connection {
        Multiplexed(redis::aio::MultiplexedConnection),
        Manager(redis::aio::ConnectionManager),
    }
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}/"))?;
    let mut connection = match kind {
        "manager" => Connection::Manager(client.get_connection_manager().await?),
        _ => Connection::Multiplexed(client.get_multiplexed_async_connection().await?),
    };
    let key = |name: &str| format!("{prefix}:{name}");
    let name = |error: &redis::RedisError| format!("RedisError({:?})", error.kind());
    let run = |pipe: redis::Pipeline, connection: &mut Connection| {
        let mut connection = match connection {
            Connection::Multiplexed(one) => Connection::Multiplexed(one.clone()),
            Connection::Manager(one) => Connection::Manager(one.clone()),
        };
        async move {
            match &mut connection {
                Connection::Multiplexed(one) => pipe.query_async::<redis::Value>(one).await,
                Connection::Manager(one) => pipe.query_async::<redis::Value>(one).await,
            }
        }
    };
    let one = |words: &[String], connection: &mut Connection| {
        let mut connection = match connection {
            Connection::Multiplexed(one) => Connection::Multiplexed(one.clone()),
            Connection::Manager(one) => Connection::Manager(one.clone()),
        };
        let mut command = redis::cmd(&words[0]);
        command.arg(&words[1..]);
        async move {
            match &mut connection {
                Connection::Multiplexed(one) => command.query_async::<redis::Value>(one).await,
                Connection::Manager(one) => command.query_async::<redis::Value>(one).await,
            }
        }
    };
    let many = |atomic: bool, names: &[&str]| {
        let mut pipe = redis::pipe();
        if atomic {
            pipe.atomic();
        }
        for name in names {
            pipe.cmd("INCR").arg(key(name));
        }
        pipe
    };
    one(&["SET".into(), key("warm"), "1".into()], &mut connection).await?;
    let began = Instant::now();
    let mut messages = String::new();
    let fault = if context.contains("subscribe") {
        let (mut sink, mut stream) = client.get_async_pubsub().await?.split();
        let fault = told(began, sink.subscribe(key("channel")).await, name);
        let mut got = Vec::new();
        let end = Instant::now() + Duration::from_secs(4);
        while let Ok(message) = tokio::time::timeout_at(end.into(), stream.next()).await {
            match message {
                Some(message) => got.push(message.get_payload::<i64>()?.to_string()),
                None => {
                    got.push("\"the stream ended\"".into());
                    break;
                }
            }
        }
        messages = format!(", \"messages\": [{}]", got.join(", "));
        fault
    } else {
        let result = match context {
            "incr" => one(&["INCR".into(), key("x")], &mut connection).await,
            "get" => one(&["GET".into(), key("x")], &mut connection).await,
            "pipeline" => run(many(false, &["1", "2", "3", "4", "5"]), &mut connection).await,
            "exec" => run(many(true, &["1", "2"]), &mut connection).await,
            "queued" => run(many(true, &["1", "2", "3"]), &mut connection).await,
            _ => one(&["BLPOP".into(), key("q"), "5".into()], &mut connection).await,
        };
        told(began, result, name)
    };
    let began = Instant::now();
    let after = told(began, one(&["INCR".into(), key("after")], &mut connection).await, name);
    let began = Instant::now();
    let later = told(began, one(&["INCR".into(), key("later")], &mut connection).await, name);
    println!("{{\"fault\": {fault}, \"after\": {after}, \"later\": {later}{messages}}}");
    Ok(())
}

async fn fred(port: &str, context: &str, prefix: &str) -> Result<(), fred::error::Error> {
    use fred::prelude::*;
    let config = Config::from_url(&format!("redis://127.0.0.1:{port}"))?;
    // Without a policy it does not connect again.
    let client = Builder::from_config(config).set_policy(ReconnectPolicy::default()).build()?;
    client.init().await?;
    let key = |name: &str| format!("{prefix}:{name}");
    let name = |error: &fred::error::Error| format!("Error({:?})", error.kind());
    let _: Value = client.set(key("warm"), 1, None, None, false).await?;
    let began = Instant::now();
    let mut messages = String::new();
    let fault = match context {
        "incr" => told(began, client.incr::<Value, _>(key("x")).await, name),
        "get" => told(began, client.get::<Value, _>(key("x")).await, name),
        "pipeline" => {
            let pipeline = client.pipeline();
            for n in ["1", "2", "3", "4", "5"] {
                let _: Value = pipeline.incr(key(n)).await?;
            }
            let all: Vec<Result<Value, Error>> = pipeline.try_all().await;
            told(began, Ok::<_, Error>(all), name)
        }
        "exec" | "queued" => {
            let transaction = client.multi();
            for n in if context == "exec" { vec!["1", "2"] } else { vec!["1", "2", "3"] } {
                let _: Value = transaction.incr(key(n)).await?;
            }
            told(began, transaction.exec::<Value>(true).await, name)
        }
        "blocked" => told(began, client.blpop::<Value, _>(key("q"), 5.0).await, name),
        _ => {
            let mut stream = client.message_rx();
            let fault = told(began, client.subscribe(key("channel")).await, name);
            let mut got = Vec::new();
            let end = Instant::now() + Duration::from_secs(4);
            while let Ok(Ok(message)) = tokio::time::timeout_at(end.into(), stream.recv()).await {
                got.push(message.value.as_string().unwrap_or_default());
            }
            messages = format!(", \"messages\": [{}]", got.join(", "));
            fault
        }
    };
    let began = Instant::now();
    let after = told(began, client.incr::<Value, _>(key("after")).await, name);
    println!("{{\"fault\": {fault}, \"after\": {after}{messages}}}");
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, port, context, prefix] = &arguments[..] else { panic!("multiplexed|manager|fred PORT CONTEXT PREFIX") };
    if kind == "fred" {
        fred(port, context, prefix).await.unwrap();
    } else {
        redis_rs(kind, port, context, prefix).await.unwrap();
    }
}
