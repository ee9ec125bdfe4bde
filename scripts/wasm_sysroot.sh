#!/bin/bash
# wasm_sysroot.sh: a private sysroot in which rustc can compile for wasm32v1-none.
#
# The runtime is built for a target that a toolchain need not have installed. This script compiles
# `core` and `alloc` for it from the sources of exactly the installed rustc, and puts them beside links
# to the toolchain's own libraries in a folder of the user's cache. It wants no root and leaves the
# toolchain and the system as they are. It prints the path of a `rustc` that uses that sysroot.
#
# The sources are looked for in: ASSAY_RUST_SRC (a folder that holds library/), the toolchain's
# rust-src component, and last the rust-src package of Debian, fetched from the mirror that this
# machine's apt is configured with, or from ASSAY_DEBIAN_MIRROR, and checked against the digest below.
#
# What it builds is always the same bytes: the build folder is a fixed path, because cargo hashes it
# into the names of core and alloc, and those names decide the order of functions in the Wasm.
set -euo pipefail

readonly VERSION=1.95.0   # the rustc that the committed Wasm was built with
# The package of that version. Both facts are in the Packages index of the suite trixie-backports.
readonly DEB=pool/main/r/rustc/rust-src_1.95.0+dfsg1-2~bpo13+1_all.deb
readonly DEB_SHA256=7b76db5b880a77f9e52975d2baa6209d2f76d2c9c2789515c3088cb960e2c83b
readonly TARGET=wasm32v1-none
readonly RECIPE=1         # raise it when this script would build something else than before

die() { echo "wasm_sysroot: $*" >&2; exit 2; }

found=$(rustc -V | cut -d' ' -f2)
[ "$found" = "$VERSION" ] || die "rustc is $found, the runtime is built with $VERSION: rustup toolchain install $VERSION"
toolchain=$(rustc --print sysroot)
host=$(rustc -vV | sed -n 's/^host: //p')
commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
sysroot=${ASSAY_WASM_SYSROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/assay/rust-$VERSION-r$RECIPE}

if [ -e "$sysroot/complete" ]; then
    echo "$sysroot/bin/rustc"
    exit 0
fi

work=/tmp/assay-std-$VERSION
exec 9>"$work.lock"
flock -w 600 9 || die "another build of the sysroot has held $work.lock for ten minutes"
rm -rf "$work"
mkdir "$work"
trap 'rm -rf "$work"' EXIT

fetch_debian_sources() {
    local mirror name=${DEB##*/}
    command -v dpkg-deb >/dev/null || die "no sources of the standard library: rustup component add rust-src"
    mirror=${ASSAY_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | grep -v security | sort -u | head -n1)}
    [ -n "$mirror" ] || die "apt names no mirror: set ASSAY_DEBIAN_MIRROR or ASSAY_RUST_SRC"
    curl -fsSL --retry 3 --max-time 300 -o "$work/$name" "${mirror%/}/${DEB//+/%2B}"
    echo "$DEB_SHA256  $work/$name" | sha256sum --check --quiet || die "$name is not the package that was expected"
    dpkg-deb -x "$work/$name" "$work/deb"
    mv "$work/deb/usr/src/rustc-$VERSION/library" "$work/library"
}

component=$toolchain/lib/rustlib/src/rust/library
if [ -n "${ASSAY_RUST_SRC:-}" ]; then cp -r "$ASSAY_RUST_SRC/library" "$work/library"
elif [ -d "$component/core" ]; then cp -r "$component" "$work/library"
else fetch_debian_sources
fi

# A crate that needs nothing but core and alloc makes cargo build the two.
mkdir -p "$work/std/src"
cd "$work/std"
printf '#![no_std]\nextern crate alloc;\n' > src/lib.rs
cat > Cargo.toml <<'TOML'
[package]
name = "std-for-wasm"
version = "0.0.0"
edition = "2021"
[profile.release]
panic = "abort"
codegen-units = 1
incremental = false
TOML
# -Zbuild-std is the one unstable thing, and only here. The paths that end up in panic messages
# become those of an official build; embedded bitcode lets the runtime's link-time optimisation in.
RUSTC_BOOTSTRAP=1 __CARGO_TESTS_ONLY_SRC_ROOT="$work/library" \
    CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$work=/rustc/$commit"$'\x1f'"--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"$'\x1f'"-Cembed-bitcode=yes" \
    nice cargo build -q --release -Zbuild-std=core,alloc --target "$TARGET" --target-dir "$work/target" >&2

fresh=$sysroot.new
rm -rf "$fresh" "$sysroot"
mkdir -p "$fresh/bin" "$fresh/lib/rustlib/$TARGET/lib"
cp "$work/target/$TARGET/release/deps"/lib{core,alloc,compiler_builtins}-*.rlib "$fresh/lib/rustlib/$TARGET/lib/"
ln -s "$toolchain/lib/rustlib/$host" "$fresh/lib/rustlib/$host"
cat > "$fresh/bin/rustc" <<SH
#!/bin/sh
# The toolchain's rustc over this folder's sysroot.
exec "$toolchain/bin/rustc" --sysroot "$sysroot" "\$@"
SH
chmod +x "$fresh/bin/rustc"
touch "$fresh/complete"
mv "$fresh" "$sysroot"
echo "$sysroot/bin/rustc"
