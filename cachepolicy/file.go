package cachepolicy

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/freshet-io/freshet/cachepolicy/internal/protoyaml"
	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

// Parse compiles a policy file, YAML or JSON, against the services linked into
// the program; see [ParseFor].
func Parse(name string, data []byte) (*Set, error) {
	return ParseFor(protoregistry.GlobalFiles, name, data)
}

// ParseFor compiles a policy file (freshet.v1.PolicyFile as YAML or JSON, at
// most 1 MiB) against the services that files knows. The name is for errors, of
// which there is one that names every fault; see [RuleError]. Unknown fields are
// faults, and so are unknown methods unless the file says
// allow_unknown_methods: true. An empty file has no policies and is no fault.
func ParseFor(files *protoregistry.Files, name string, data []byte) (*Set, error) {
	var (
		file freshetv1.PolicyFile
		f    faults
	)
	positions, decodeFaults := protoyaml.Decode(data, &file)
	t := &policyText{positions: positions, faulty: map[string]bool{}}
	for _, d := range decodeFaults {
		t.spoil(d.Path)
		method, field := place(&file, d.Path)
		f.add(name, d.Line, method, field, "%s", d.Reason)
	}
	set := &Set{policies: map[string]*Policy{}}
	seen := map[string]bool{}
	for i, e := range file.GetMethods() {
		s := source{file: name, method: e.GetMethod(), faults: &f, text: t, path: fmt.Sprintf("methods[%d]", i)}
		if s.named(e, seen) {
			s.entry(files, e, file.GetAllowUnknownMethods(), set)
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	return set, nil
}

// place finds the method that a fault at path belongs to, and the field within
// its policy; without either, the path stands for itself.
func place(file *freshetv1.PolicyFile, path string) (method, field string) {
	var i int
	if n, _ := fmt.Sscanf(path, "methods[%d]", &i); n != 1 || i >= len(file.GetMethods()) {
		return "", path
	}
	method = file.GetMethods()[i].GetMethod()
	if _, within, ok := strings.Cut(path, "].policy."); ok && method != "" {
		return method, within
	}
	return method, path
}

// policyText is what is known of a policy file as a text.
type policyText struct {
	positions protoyaml.Positions
	faulty    map[string]bool // what could not be read, and what that is part of
}

// spoil marks path, and all that it is part of, as not read.
func (t *policyText) spoil(path string) {
	for path != "" && !t.faulty[path] {
		t.faulty[path] = true
		path = parent(path)
	}
}

// line returns the line of what is at path, or of the nearest thing around it
// that the text has; 0 when there is none.
func (t *policyText) line(path string) int {
	for {
		if p, ok := t.positions[path]; ok || path == "" {
			return p.Line
		}
		path = parent(path)
	}
}

// parent of "a.b[1]" is "a.b", whose parent is "a", whose parent is "".
func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// named reports whether the entry names a method, and is the first to do so.
func (s source) named(e *freshetv1.PolicyFile_Entry, seen map[string]bool) bool {
	_, _, sound := splitMethod(s.method)
	switch {
	case s.method == "" && s.text.faulty[s.path+".method"]:
	case s.method == "" && e.GetPolicy() == nil && s.text.faulty[s.path]:
	case s.method == "":
		s.entryFault("missing: want the full name on the wire, like \"/pkg.Service/Method\"")
	case !sound:
		s.entryFault("want the full name on the wire, like \"/pkg.Service/Method\", got %q", s.method)
	case seen[s.method]:
		s.entryFault("stands in this file twice")
	default:
		seen[s.method] = true
		return true
	}
	return false
}

// entry compiles one entry of a policy file into set.
func (s source) entry(files *protoregistry.Files, e *freshetv1.PolicyFile_Entry, allowUnknown bool, set *Set) {
	md := findMethod(files, s.method)
	if md == nil {
		if !allowUnknown {
			s.entryFault("unknown method: link its generated package into the program, or set allow_unknown_methods: true")
		}
		return
	}
	mp := e.GetPolicy()
	if mp == nil {
		mp = &freshetv1.MethodPolicy{}
	}
	set.policies[s.method] = s.compile(md, mp)
}
