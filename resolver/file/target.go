package file

import (
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/freshet-io/freshet/resolver/internal/target"
)

// Scheme is the scheme of the targets that this package resolves.
const Scheme = "file"

const (
	defaultInterval = time.Second
	minInterval     = 10 * time.Millisecond
	maxInterval     = 24 * time.Hour

	defaultAuthority = "localhost" // as gRPC's unix scheme has it
)

// Target is what a file target says.
type Target struct {
	// Path is the absolute path of the file. A target without slashes
	// ("file:backends.yaml") is relative to the working directory, as in
	// gRPC's unix scheme.
	Path string
	// Interval is the time between two reads: 1 s unless the option says
	// otherwise, between 10 ms and 24 h.
	Interval time.Duration
	// Authority is the authority of the channel, and what TLS verifies:
	// "localhost" unless the option says otherwise.
	Authority string
}

// Parse returns what a target says, or one error with all its faults: the one
// that calls on a channel with that target would get. It does not look at the
// file.
func Parse(s string) (Target, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Target{}, fmt.Errorf("file: target: %w", err)
	}
	return parseTarget(*u)
}

func parseTarget(u url.URL) (Target, error) {
	var faults target.Faults
	read := target.Read(u, Scheme, &faults, "interval")
	t := Target{Authority: defaultAuthority}
	t.Interval = read.Duration("interval", defaultInterval, minInterval, maxInterval, &faults)
	if read.Authority != "" {
		t.Authority = read.Authority
	}
	path, err := localPath(read)
	if err != nil {
		faults.Addf("path: %w", err)
	}
	t.Path = path
	if err := faults.Err("file: target " + target.Quote(u.String())); err != nil {
		return Target{}, err
	}
	return t, nil
}

// localPath returns the absolute path that a target names. It is made absolute
// here, so that a program that changes its directory keeps its file.
func localPath(t target.Target) (string, error) {
	if t.Path == "" {
		return "", fmt.Errorf("must name a file, want %s:///path.yaml", Scheme)
	}
	path := filepath.FromSlash(t.Path)
	if t.Rooted && filepath.VolumeName(path) == "" { // file:///C:/x is C:\x
		path = string(filepath.Separator) + path
	}
	return filepath.Abs(path)
}
