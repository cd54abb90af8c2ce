//! The only place that spawns. A task has a name, ends when told, and its panic becomes a message.
use std::{any::Any, fmt, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// A task that panicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked {
    /// The task's name.
    pub task: &'static str,
    /// What it said.
    pub message: String,
}

type OnPanic = Arc<dyn Fn(Panicked) + Send + Sync>;

/// Spawns tasks that share one cancellation.
#[derive(Clone)]
pub struct Tasks {
    handle: Handle,
    token: CancellationToken,
    on_panic: OnPanic,
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("cancelled", &self.token.is_cancelled()).finish_non_exhaustive()
    }
}

/// A running task. Dropping it lets the task go on; it still ends with its [`Tasks`].
#[derive(Debug)]
#[must_use = "keep it to stop or await the task, or call `detach`"]
pub struct Task<T> {
    join: JoinHandle<Option<T>>,
    token: CancellationToken,
}

impl<T> Task<T> {
    /// Lets it run on its own.
    pub fn detach(self) {}

    /// Tells it to end; it does at its next await.
    pub fn stop(&self) {
        self.token.cancel();
    }

    /// Says whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.join.is_finished()
    }

    /// Waits for its end; none when it was cancelled or panicked.
    pub async fn join(mut self) -> Option<T> {
        self.wait().await
    }

    /// Waits for its end without giving it up: the wait itself may be cancelled and the task still stopped.
    pub async fn wait(&mut self) -> Option<T> {
        (&mut self.join).await.ok().flatten()
    }
}

impl Tasks {
    /// Makes a spawner on a runtime; `on_panic` hears of every task that panics.
    pub fn new(handle: Handle, on_panic: impl Fn(Panicked) + Send + Sync + 'static) -> Self {
        Self { handle, token: CancellationToken::new(), on_panic: Arc::new(on_panic) }
    }

    /// Makes a spawner whose tasks can be ended apart, and end with this one's.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { handle: self.handle.clone(), token: self.token.child_token(), on_panic: Arc::clone(&self.on_panic) }
    }

    /// Spawns a task. It is dropped at its next await once cancelled.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let token = self.token.child_token();
        let (stop, on_panic) = (token.clone(), Arc::clone(&self.on_panic));
        let join = self.handle.spawn(async move {
            let guarded = AssertUnwindSafe(future).catch_unwind();
            match stop.run_until_cancelled(guarded).await? {
                Ok(output) => Some(output),
                Err(panic) => {
                    on_panic(Panicked { task: name, message: text_of(panic.as_ref()) });
                    None
                }
            }
        });
        Task { join, token }
    }

    /// Runs blocking work on a thread of its own kind. It cannot be cancelled: keep it short or let it watch a flag.
    pub fn blocking<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Task<T> {
        let on_panic = Arc::clone(&self.on_panic);
        let join = self.handle.spawn_blocking(move || match std::panic::catch_unwind(AssertUnwindSafe(work)) {
            Ok(output) => Some(output),
            Err(panic) => {
                on_panic(Panicked { task: name, message: text_of(panic.as_ref()) });
                None
            }
        });
        Task { join, token: self.token.child_token() }
    }

    /// Runs work on a thread that nobody waits for, not even the program's end: it may block for ever.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn thread(&self, name: &'static str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let on_panic = Arc::clone(&self.on_panic);
        let guarded = move || {
            if let Err(panic) = std::panic::catch_unwind(AssertUnwindSafe(work)) {
                on_panic(Panicked { task: name, message: text_of(panic.as_ref()) });
            }
        };
        std::thread::Builder::new().name(name.into()).spawn(guarded).map(drop)
    }

    /// Ends all tasks of this spawner and its children.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Waits until told to end.
    pub async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    /// Says whether it was told to end.
    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panicked without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_a_message_and_ends_nothing_else() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hear = Arc::clone(&heard);
        let tasks = Tasks::new(Handle::current(), move |panicked| hear.lock().unwrap().push(panicked));
        let other = tasks.spawn("other", async { 7 });
        assert_eq!(tasks.spawn("broken", async { panic!("as planned") }).join().await, None::<()>);
        assert_eq!(other.join().await, Some(7));
        assert_eq!(*heard.lock().unwrap(), [Panicked { task: "broken", message: "as planned".into() }]);
    }

    #[tokio::test]
    async fn cancelling_a_child_leaves_its_parent() {
        let tasks = Tasks::new(Handle::current(), |_| {});
        let child = tasks.child();
        let stuck = child.spawn("stuck", std::future::pending::<()>());
        child.cancel();
        assert_eq!(stuck.join().await, None);
        assert!(!tasks.is_cancelled());
        assert_eq!(tasks.spawn("alive", async { 1 }).join().await, Some(1));
    }
}
