//! The judge: replays an exported chain under Parity's own executor, overlay and trie.
//!
//! `assay-oracle FOLDER` reads what `subnet/localnet/export.py` writes: `runtime.wasm`,
//! `genesis.json` and `blocks.txt`. It builds block 0 with the runtime's GenesisBuilder, executes
//! every block on top of it, and compares state roots with those that the headers name. It shares
//! no code with the host it judges, and says nothing of seals: who may build a block is not part
//! of a block's execution.
//!
//! Exit status: 0 and one JSON document on stdout if all blocks agree; 1 at the first one that does
//! not, with its number on stderr; 2 if the export cannot be read.

use codec::{Decode, Encode};
use sc_executor::WasmExecutor;
use sp_core::{
    storage::{well_known_keys, StateVersion},
    traits::{CallContext, CodeExecutor, ReadRuntimeVersionExt, RuntimeCode, WrappedRuntimeCode},
    Blake2Hasher, Hasher, H256,
};
use sp_runtime::{
    generic,
    traits::{BlakeTwo256, Header as _},
};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
    process::ExitCode,
    time::Instant,
};

type Header = generic::Header<u32, BlakeTwo256>;
type State = sp_state_machine::TestExternalities<Blake2Hasher>;

/// Why there is no verdict of agreement.
enum Refusal {
    /// The export is not one.
    Unreadable(String),
    /// The chain was executed, and differs.
    Disagreed(String),
}

use Refusal::{Disagreed, Unreadable};

/// A state, and Parity's executor to change it with.
struct Judge {
    executor: WasmExecutor,
    state: State,
}

impl Judge {
    /// The state of block 0. Its code is stored as it was exported, compressed or not.
    fn new(code: Vec<u8>, genesis: &[u8]) -> Result<Self, Refusal> {
        let executor: WasmExecutor = WasmExecutor::builder().build();
        let mut state = State::new_with_state_version(Default::default(), StateVersion::V1);
        state.register_extension(ReadRuntimeVersionExt::new(executor.clone()));
        state.insert(well_known_keys::CODE.to_vec(), code);
        let mut judge = Self { executor, state };
        let built = judge.call("GenesisBuilder_build_state", &genesis.encode())?;
        match Result::<(), String>::decode(&mut &built[..]) {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => return Err(Unreadable(format!("the genesis is refused: {cause}"))),
            Err(_) => return Err(Unreadable("the runtime does not build a genesis".into())),
        }
        judge.commit()?;
        Ok(judge)
    }

    /// Calls the runtime that the state holds, which an earlier block may have replaced.
    fn call(&mut self, method: &str, data: &[u8]) -> Result<Vec<u8>, Refusal> {
        let Some(code) = self.state.execute_with(|| stored(well_known_keys::CODE)) else {
            return Err(Disagreed("the state has no code".into()));
        };
        let fetcher = WrappedRuntimeCode(code.as_slice().into());
        let hash = Blake2Hasher::hash(&code).0.to_vec();
        let runtime = RuntimeCode { code_fetcher: &fetcher, heap_pages: None, hash };
        let context = CallContext::Onchain { import: true };
        let (result, _) =
            self.executor.call(&mut self.state.ext(), &runtime, method, data, context);
        result.map_err(|error| Disagreed(format!("{method}: {error}")))
    }

    fn commit(&mut self) -> Result<(), Refusal> {
        self.state.commit_all().map_err(Disagreed)
    }

    fn root(&self) -> H256 {
        *self.state.backend.root()
    }

    /// Executes a block. The runtime itself checks the roots in the header and traps if they
    /// differ; the root of the trie that came of it is then held against the header once more.
    fn execute(&mut self, header: &Header, block: &[u8]) -> Result<(), Refusal> {
        self.call("Core_execute_block", block)?;
        self.commit()?;
        if self.root() != *header.state_root() {
            let (here, there) = (self.root(), header.state_root());
            return Err(Disagreed(format!("state root {here:?}, the header has {there:?}")));
        }
        Ok(())
    }
}

fn stored(key: &[u8]) -> Option<Vec<u8>> {
    sp_io::storage::get(key).map(|value| value.to_vec())
}

/// The hash of block 0, whose body is empty.
fn genesis_hash(state_root: H256) -> H256 {
    let extrinsics_root = sp_io::trie::blake2_256_ordered_root(Vec::new(), StateVersion::V1);
    Header::new(0, extrinsics_root, state_root, Default::default(), Default::default()).hash()
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, Refusal> {
    fs::read(folder.join(name)).map_err(|error| Unreadable(format!("{name}: {error}")))
}

fn judge(folder: &Path) -> Result<serde_json::Value, Refusal> {
    let mut judge = Judge::new(read(folder, "runtime.wasm")?, &read(folder, "genesis.json")?)?;
    let first = judge.root();
    let mut head = genesis_hash(first);
    let file = File::open(folder.join("blocks.txt"))
        .map_err(|error| Unreadable(format!("blocks.txt: {error}")))?;
    let (start, mut number, mut extrinsics) = (Instant::now(), 0u32, 0usize);
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|error| Unreadable(format!("blocks.txt: {error}")))?;
        let block = hex::decode(line.trim())
            .map_err(|error| Unreadable(format!("block {}: {error}", number + 1)))?;
        let (header, body) = <(Header, Vec<Vec<u8>>)>::decode(&mut &block[..])
            .map_err(|error| Unreadable(format!("block {}: {error}", number + 1)))?;
        number += 1;
        if header.number != number || header.parent_hash != head {
            return Err(Disagreed(format!("block {number} does not follow the one before it")));
        }
        judge.execute(&header, &block).map_err(|refusal| match refusal {
            Disagreed(cause) => Disagreed(format!("block {number}: {cause}")),
            other => other,
        })?;
        head = header.hash();
        extrinsics += body.len();
    }
    let blocks = number.max(1);
    Ok(serde_json::json!({
        "blocks": number,
        "extrinsics": extrinsics,
        "genesis_hash": format!("{:?}", genesis_hash(first)),
        "genesis_state_root": format!("{first:?}"),
        "head_hash": format!("{head:?}"),
        "head_state_root": format!("{:?}", judge.root()),
        "ms_per_block": start.elapsed().as_secs_f64() * 1e3 / f64::from(blocks),
    }))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder] = arguments.as_slice() else {
        eprintln!("usage: assay-oracle FOLDER");
        return ExitCode::from(2);
    };
    match judge(Path::new(folder)) {
        Ok(verdict) => {
            println!("{verdict}");
            ExitCode::SUCCESS
        }
        Err(Disagreed(cause)) => {
            eprintln!("assay-oracle: {cause}");
            ExitCode::from(1)
        }
        Err(Unreadable(cause)) => {
            eprintln!("assay-oracle: {cause}");
            ExitCode::from(2)
        }
    }
}
