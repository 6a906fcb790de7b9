package cachepolicy

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

// template is one group template: literal texts around field paths.
// texts[i] stands before fields[i]; the last text ends the group.
type template struct {
	index  int // in the source's list
	text   string
	texts  []string
	fields []templatePath
}

// templatePath is a field of the request, or of the reply.
type templatePath struct {
	fieldPath
	response bool
}

func (t template) paths() []templatePath { return t.fields }

func (t template) usesResponse() bool {
	for _, p := range t.fields {
		if p.response {
			return true
		}
	}
	return false
}

// compileTemplate parses "product:{id}" against a method's messages. The reason
// is empty when the template is sound.
func compileTemplate(md protoreflect.MethodDescriptor, text string) (template, string) {
	t := template{text: text}
	if text == "" {
		return t, "an empty group"
	}
	rest, lit := text, strings.Builder{}
	for rest != "" {
		i := strings.IndexAny(rest, "{}")
		if i < 0 {
			lit.WriteString(rest)
			break
		}
		lit.WriteString(rest[:i])
		brace := rest[i]
		rest = rest[i+1:]
		if strings.HasPrefix(rest, string(brace)) { // "{{" and "}}"
			lit.WriteByte(brace)
			rest = rest[1:]
			continue
		}
		if brace == '}' {
			return t, fmt.Sprintf("template %q: a \"}\" without its \"{\"; write \"}}\" for the character", text)
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			return t, fmt.Sprintf("template %q: a \"{\" without its \"}\"; write \"{{\" for the character", text)
		}
		p, reason := compileTemplatePath(md, name)
		if reason != "" {
			return t, fmt.Sprintf("template %q: %s", text, reason)
		}
		t.texts = append(t.texts, lit.String())
		t.fields = append(t.fields, p)
		lit.Reset()
		rest = after
	}
	t.texts = append(t.texts, lit.String())
	if n := len(strings.Join(t.texts, "")); n > wire.MaxGroupBytes {
		return t, fmt.Sprintf("a group has at most %d bytes, got a template with %d outside of its fields", wire.MaxGroupBytes, n)
	}
	return t, ""
}

func compileTemplatePath(md protoreflect.MethodDescriptor, name string) (templatePath, string) {
	var p templatePath
	from, streams, what := md.Input(), md.IsStreamingClient(), "request"
	if rest, ok := strings.CutPrefix(name, "response."); ok {
		p.response = true
		name, from, streams, what = rest, md.Output(), md.IsStreamingServer(), "response"
	}
	if streams {
		return p, fmt.Sprintf("a field of the %s cannot be named: the method streams it", what)
	}
	path, reason := compilePath(from, name)
	if reason != "" {
		return p, reason
	}
	p.fieldPath = path
	last := path.last()
	switch {
	case last.IsMap():
		return p, fmt.Sprintf("field path %q leads to a map", name)
	case last.Message() != nil:
		return p, fmt.Sprintf("field path %q leads to a message: name one of its fields", name)
	}
	return p, ""
}

// expand appends the template's groups for one request and reply: one, or where
// its paths meet lists, one for each combination of different elements.
func (t template) expand(req, resp protoreflect.Message, dst []string) ([]string, error) {
	values, combinations := make([][]string, len(t.fields)), 1
	for i, p := range t.fields {
		m := req
		if p.response {
			m = resp
		}
		if m == nil {
			return dst, fmt.Errorf("cachepolicy: template %q: no message to take %q from", t.text, p.text)
		}
		err := p.values(m, func(fd protoreflect.FieldDescriptor, v protoreflect.Value) {
			if len(values[i]) > wire.MaxGroups {
				return
			}
			if s := scalarText(fd, v); !slices.Contains(values[i], s) {
				values[i] = append(values[i], s)
			}
		})
		if err != nil {
			return dst, err
		}
		combinations = min(combinations*len(values[i]), wire.MaxGroups+1)
	}
	switch { // before anything is combined: two long lists of a reply make very many
	case combinations == 0:
		return dst, nil
	case combinations > wire.MaxGroups:
		return dst, ErrGroupLimit
	}
	return t.combine(values, t.texts[0], 0, dst)
}

func (t template) combine(values [][]string, prefix string, i int, dst []string) ([]string, error) {
	if i == len(values) {
		return addGroup(dst, prefix)
	}
	var err error
	for _, v := range values[i] {
		if dst, err = t.combine(values, prefix+v+t.texts[i+1], i+1, dst); err != nil {
			return dst, err
		}
	}
	return dst, nil
}
