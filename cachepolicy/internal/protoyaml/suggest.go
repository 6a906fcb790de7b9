package protoyaml

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// suggestField returns `, did you mean "x"?` for a name close to a field's.
func suggestField(got string, fields protoreflect.FieldDescriptors) string {
	names := make([]string, fields.Len())
	for i := range names {
		names[i] = string(fields.Get(i).Name())
	}
	return suggest(got, names)
}

func suggestEnum(got string, ed protoreflect.EnumDescriptor) string {
	return suggest(got, valueNames(ed))
}

func enumNames(ed protoreflect.EnumDescriptor) string {
	return strings.Join(valueNames(ed), ", ")
}

func valueNames(ed protoreflect.EnumDescriptor) []string {
	names := make([]string, ed.Values().Len())
	for i := range names {
		names[i] = string(ed.Values().Get(i).Name())
	}
	return names
}

func suggest(got string, names []string) string {
	const longest = 64 // a longer text is no typing mistake, and costs time
	if got == "" || len(got) > longest {
		return ""
	}
	got = plain(got)
	best, least := "", len(got)/3+1
	for _, name := range names {
		if n := distance(got, plain(name)); n <= least && (best == "" || n < least) {
			best, least = name, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// plain makes the spellings of a name alike: max_age, maxAge, MaxAge, max-age.
func plain(s string) string { return separators.Replace(strings.ToLower(s)) }

var separators = strings.NewReplacer("_", "", "-", "")

// distance is Levenshtein's, over bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
