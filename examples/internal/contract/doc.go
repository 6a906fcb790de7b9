// Package contract holds no code but tests: those of the promises that belong to
// the whole module and to none of its packages.
//
//	go test ./examples/internal/contract
//
// It holds which package may import which (TestArrows has the table, and a
// package without a row in it fails), how long a file may be, that every package
// has a comment and nothing in the tree is marked as unfinished, that go.mod
// asks for no newer Go than it must, and that README shows only code that
// compiles and commands that work.
//
// The tests run the go command on the module that they are in, need no network,
// and fail with a sentence that says what to change.
package contract
