# Every task of the house in one place. `just` lists them; each is also a plain command.

_default:
    @just --list

# Everything, as CI runs it: installs what is missing, says so first.
all:
    ./tests/run

# The fast tests: no servers, no pseudo-terminal.
test:
    cargo test --lib
    cargo test --test it

# The tests against real OpenSSH, Nginx, PM2 and Prometheus; they skip loudly what is not installed.
real:
    cargo test --test real

# Formatting and lints.
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings

# The documentation, without warnings.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

# Licences, advisories and crates that must not come in (needs cargo-deny).
deny:
    cargo deny check

# The console on a fleet that lives in this process.
demo:
    cargo run --release -- demo

# How long the costly functions take.
bench:
    cargo bench
