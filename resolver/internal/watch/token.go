package watch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const (
	tokenAge = time.Minute // Kubernetes rotates tokens some minutes before they expire
	maxToken = 64 << 10
)

// Token is a secret that a name service asks for: a fixed one, or the content of
// a file that somebody keeps up to date. A nil Token is none. It is for one
// goroutine.
type Token struct {
	path  string
	value string
	read  time.Time
}

// FixedToken returns a token that stays.
func FixedToken(value string) *Token { return &Token{value: value} }

// FileToken returns the token in a file. It is read anew after a minute, and
// when it is refused. A file that cannot be read leaves the token as it was.
func FileToken(path string) *Token { return &Token{path: path} }

func (t *Token) get(anew bool) (string, error) {
	if t == nil || t.path == "" {
		if t == nil {
			return "", nil
		}
		return t.value, nil
	}
	if t.value != "" && !anew && time.Since(t.read) < tokenAge {
		return t.value, nil
	}
	value, err := readToken(t.path)
	switch {
	case err == nil:
		t.value, t.read = value, time.Now()
	case t.value == "":
		return "", fmt.Errorf("token: %w", err)
	}
	return t.value, nil
}

func readToken(path string) (string, error) {
	data, err := ReadFile(path, maxToken)
	if err != nil {
		return "", err
	}
	value := strings.TrimSpace(string(data))
	switch {
	case value == "":
		return "", fmt.Errorf("%s is empty", path)
	case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errors.New(path + " has characters that are no part of a token")
	}
	return value, nil
}

// ReadFile returns the content of a regular file of at most limit bytes. Opening
// a pipe would block until somebody writes to it, and Close with it.
func ReadFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s must be a regular file, got mode %v", path, info.Mode())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s must have at most %d bytes", path, limit)
	}
	return data, nil
}
