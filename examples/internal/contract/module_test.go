package contract_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/freshet-io/freshet"

// root is the module's folder, as seen from this package's.
const root = "../../.."

// pkg is what the go command says of a package.
type pkg struct {
	ImportPath string
	Name       string
	Standard   bool
	Imports    []string // of what is built, not of tests
	Deps       []string // Imports, and theirs, and so on
	Error      *struct{ Err string }
}

// local returns the package's path within the module.
func (p pkg) local() (path string, ok bool) {
	return strings.CutPrefix(p.ImportPath, module+"/")
}

// listed caches what listPackages returns.
var listed = sync.OnceValues(func() (map[string]pkg, error) {
	cmd := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Name,Standard,Imports,Deps,Error", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.New(err.Error() + ": " + stderr.String())
	}
	all := map[string]pkg{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all[p.ImportPath] = p
	}
})

// listPackages returns the packages of the module and all that they are built
// from, by import path.
func listPackages(t *testing.T) map[string]pkg {
	t.Helper()
	all, err := listed()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for path, p := range all {
		if p.Error != nil {
			t.Errorf("%s: %s", path, p.Error.Err)
		}
	}
	return all
}

// match reports whether path is what pattern names: itself, or with a "/..." at
// the end also everything below.
func match(pattern, path string) bool {
	prefix, below := strings.CutSuffix(pattern, "/...")
	return path == prefix || below && strings.HasPrefix(path, prefix+"/")
}

// walk calls visit for every file of the tree, with its slash-separated path
// from the root. Folders whose names begin with a dot are left out, but for .ci.
func walk(t *testing.T, visit func(path string, content []byte)) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); len(name) > 1 && name[0] == '.' && name != ".ci" || name == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(filepath.Join(root, path))
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a temporary file of somebody else's
		}
		if err == nil {
			visit(path, content)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
