//! Readers of JUnit XML from PyPI, in a process of their own that is asked: `benches/junit_readers.py`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Result;

/// Which there are, as the script names them.
pub(crate) const READERS: [&str; 2] = ["codecov", "junitparser"];

/// A running script.
pub(crate) struct Others {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Others {
    /// `None` where nobody named a Python that has them.
    pub(crate) fn start(file: &Path) -> Result<Option<Self>> {
        let Some(python) = std::env::var_os("FLAKY_BENCH_PYTHON") else { return Ok(None) };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/junit_readers.py");
        let mut child = Command::new(python)
            .arg(script)
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let ask = child.stdin.take().ok_or("a pipe")?;
        let answers = BufReader::new(child.stdout.take().ok_or("a pipe")?);
        let mut others = Self { child, ask, answers };
        match others.answer()?.as_str() {
            "ready" => Ok(Some(others)),
            other => Err(format!("benches/junit_readers.py said `{other}`").into()),
        }
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    /// How many cases it found, and seconds of CPU time.
    pub(crate) fn read(&mut self, reader: &str) -> Result<(usize, f64)> {
        writeln!(self.ask, "{reader}")?;
        let answer = self.answer()?;
        let (cases, seconds) = answer.split_once(' ').ok_or_else(|| format!("`{answer}` is no answer"))?;
        Ok((cases.parse()?, seconds.parse()?))
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
