package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

var (
	// ErrSilent is the error of a stream on which nothing came for too long.
	ErrSilent = errors.New("the server has been silent for too long")
	// ErrMalformed is the error of a stream that went on and made no sense.
	ErrMalformed = errors.New("the stream is malformed")

	errTooLarge = errors.New("too large")
)

// Decode reads one JSON value of at most limit bytes, and nothing after it.
func Decode(r io.Reader, limit int64, into any) error {
	b := &bounded{from: r, limit: limit, left: limit + 1} // one more, to see the end
	d := json.NewDecoder(b)
	if err := d.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("reading the answer: %w", err)
	}
	switch _, err := d.Token(); {
	case err == nil:
		return errors.New("reading the answer: something follows its end")
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("reading the answer: %w", err)
	}
	return nil
}

// bounded fails when more than limit bytes are read of one value.
type bounded struct {
	from        io.Reader
	limit, left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%w: must have at most %d bytes", errTooLarge, b.limit)
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// Stream is an answer that goes on: JSON values one after another. It is for
// one goroutine.
type Stream struct {
	ctx     context.Context //nolint:containedctx // its cause explains why reading failed
	bounded bounded
	decoder *json.Decoder
}

// NewStream reads values of at most limit bytes each from r. ctx is what ends
// reading.
func NewStream(ctx context.Context, r io.Reader, limit int64) *Stream {
	s := &Stream{ctx: ctx, bounded: bounded{from: r, limit: limit}}
	s.decoder = json.NewDecoder(&s.bounded)
	return s
}

// Next reads a value. It returns [io.EOF] at an end between values, the cause of
// the context's end if that is why it failed, and [ErrMalformed] for what is no
// JSON, of the wrong type or too large.
func (s *Stream) Next(into any) error {
	s.bounded.left = s.bounded.limit
	err := s.decoder.Decode(into)
	if err == nil {
		return nil
	}
	if cause := context.Cause(s.ctx); cause != nil {
		return cause
	}
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, mistyped := errors.AsType[*json.UnmarshalTypeError](err)
	if syntax || mistyped || errors.Is(err, errTooLarge) {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return fmt.Errorf("reading the stream: %w", err)
}

// Alarm ends a context after a silence.
type Alarm struct {
	timer *time.Timer
	after time.Duration
	stop  context.CancelCauseFunc
}

// NewAlarm returns a context that ends with [ErrSilent] when Heard has not been
// called for that long. Stop must be called when it is not needed any more.
func NewAlarm(ctx context.Context, after time.Duration) (context.Context, *Alarm) {
	ctx, stop := context.WithCancelCause(ctx)
	return ctx, &Alarm{
		timer: time.AfterFunc(after, func() { stop(ErrSilent) }),
		after: after, stop: stop,
	}
}

// Heard begins the silence anew.
func (a *Alarm) Heard() { a.timer.Reset(a.after) }

// Stop ends the context.
func (a *Alarm) Stop() {
	a.timer.Stop()
	a.stop(context.Canceled)
}

// Watch returns r, each byte of which is heard.
func (a *Alarm) Watch(r io.Reader) io.Reader { return &heard{from: r, alarm: a} }

type heard struct {
	from  io.Reader
	alarm *Alarm
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.from.Read(p)
	if n > 0 {
		h.alarm.Heard()
	}
	return n, err
}

// reason returns the first line of what a server says of a status: the message
// of a JSON object that has one, as Kubernetes writes it, or plain text.
func reason(r io.Reader) string {
	data, _ := io.ReadAll(io.LimitReader(r, maxReason)) // half of it is better than nothing
	var object struct {
		Message string `json:"message"`
	}
	text := string(data)
	if json.Unmarshal(data, &object) == nil && object.Message != "" {
		text = object.Message
	}
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if len(line) > 256 {
		line = line[:256] + "…"
	}
	return line
}
