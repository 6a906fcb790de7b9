// Command bufplugin is the check plugin "freshet" of buf: it finds cache policies in .proto files that cannot
// be honoured, or that are hardly meant, before any program is built.
//
//	$ go build -C cachepolicy/bufplugin -o "$HOME/bin/buf-plugin-freshet" .
//
// and in buf.yaml:
//
//	version: v2
//	lint:
//	  use: [STANDARD, FRESHET]
//	plugins:
//	  - plugin: buf-plugin-freshet
//
// Then `buf lint` prints file, line, column, method, field and reason:
//
//	shop.proto:12:5:/shop.v1.Catalog/GetProduct: cache.max_age: missing: every rule bounds the age of what it reuses
//
// # Rules
//
//	FRESHET_POLICY        what cannot be honoured: all that cachepolicy.FromRegistry refuses
//	FRESHET_GROUPS        invalidations of groups that no cached reply of the files is in
//	FRESHET_INVALIDATES   methods that may have side effects and say nothing of what they make
//	                      untrue, where replies of their service are cached in groups
//
// The first two are on by default and make up the category FRESHET; the third is an advice, to be named
// under lint.use. They are those of cachepolicy.Check and cachepolicy.CheckAdvice, which a unit
// test can call without buf.
//
// # Why a module of its own
//
// buf's plugin library brings nineteen modules. Who uses freshet should not find them in its go.mod, so this
// folder has its own, which takes freshet from two folders up.
package main
