//! The least that a server can do with an evaluation: take in the body and answer two bytes.

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;

async fn nothing(_: Bytes) -> &'static str {
    "{}"
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{{\"url\":\"http://{}\"}}", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/ofrep/v1/evaluate/flags/{key}", post(nothing))).await
}
