package main

import (
	"fmt"
	"time"

	"github.com/outmode/outmode/ingest/mfa"
)

// A jsonSchema is as much of JSON Schema, draft 2020-12, as describes the configuration.
type jsonSchema struct {
	Schema      string                 `json:"$schema,omitempty"`
	Title       string                 `json:"title,omitempty"`
	Description string                 `json:"description,omitempty"`
	Type        []string               `json:"type,omitempty"`
	Default     any                    `json:"default,omitempty"`
	Enum        []string               `json:"enum,omitempty"`
	Pattern     string                 `json:"pattern,omitempty"`
	MinLength   int                    `json:"minLength,omitempty"`
	Items       *jsonSchema            `json:"items,omitempty"`
	Required    []string               `json:"required,omitempty"`
	Properties  map[string]*jsonSchema `json:"properties,omitempty"`
	Patterns    map[string]*jsonSchema `json:"patternProperties,omitempty"`
	Additional  *bool                  `json:"additionalProperties,omitempty"`
}

// configSchema describes the file to editors: they complete keys and mark mistakes as one types.
func configSchema() *jsonSchema {
	defaults := defaultConfig()
	s := schemaOf(configKeys(), &defaults)
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "The configuration of outmode"
	return s
}

// schemaOf describes a mapping. It may be empty, as a section is of which all is commented out.
func schemaOf[T any](keys []configKey[T], defaults *T) *jsonSchema {
	s := &jsonSchema{Type: []string{"object", "null"}, Properties: map[string]*jsonSchema{}, Additional: new(bool)}
	for i := range keys {
		k := &keys[i]
		switch {
		case k.in != nil:
			s.Properties[k.name] = schemaOf(k.in, defaults)
			s.Properties[k.name].Description = k.doc
		case k.secret():
			s.Properties[k.name] = &jsonSchema{Description: k.doc + " env: and the name of an environment variable.", Type: []string{"string"}, Pattern: `^env:[A-Za-z_][A-Za-z0-9_]*$`}
			s.Properties[k.name+"_file"] = &jsonSchema{Description: k.doc + " The path of a file that holds nothing else.", Type: []string{"string"}, MinLength: 1}
		default:
			s.Properties[k.name] = k.schema(defaults)
		}
	}
	return s
}

// schema describes a key that is no section.
func (k *configKey[T]) schema(defaults *T) *jsonSchema {
	s := &jsonSchema{Description: k.doc, Type: []string{"string"}}
	switch v := k.at(defaults).(type) {
	case *string:
		s.Enum = k.words
		if !k.empty && k.words == nil {
			s.MinLength = 1
		}
		if *v != "" || k.empty {
			s.Default = *v
		}
	case *bool:
		s.Type, s.Default = []string{"boolean"}, *v
	case *time.Duration:
		s.Pattern, s.Default = "^"+spanPattern+"$", spanWords(*v)
		if k.zero != "" {
			s.Pattern = fmt.Sprintf("^(%s|%s)$", k.zero, spanPattern)
			if *v == 0 {
				s.Default = k.zero
			}
		}
	case *[]string:
		s.Type, s.Items = []string{"array", "null"}, &jsonSchema{Type: []string{"string"}, MinLength: 1}
		if k.empty {
			s.Items.MinLength = 0
		}
	case *[]configSource:
		usual := defaultSource("")
		s.Type, s.Items = []string{"array", "null"}, schemaOf(sourceKeys(), &usual)
		s.Items.Type, s.Items.Required = []string{"object"}, []string{"path"}
	case *[]declaredGateway:
		usual := defaultDeclared("")
		s.Type, s.Items = []string{"array", "null"}, schemaOf(gatewayKeys(), &usual)
		s.Items.Type, s.Items.Required = []string{"object"}, []string{"kind"}
	case *[]mfa.Mapping:
		usual := mfa.DefaultMapping()
		s.Type, s.Items = []string{"array", "null"}, schemaOf(mappingKeys(), &usual)
		s.Items.Type, s.Items.Required = []string{"object"}, []string{"source", "input", "time", "user", "outcome"}
	case *[]mfa.Condition:
		s.Type, s.Patterns = []string{"object", "null"}, map[string]*jsonSchema{".": wordsSchema()}
	case *[]mfa.When:
		s.Type, s.Items = []string{"array", "null"}, &jsonSchema{Type: []string{"object"}, Required: []string{"then"},
			Properties: map[string]*jsonSchema{"then": {Type: []string{"string"}, Enum: outcomeNames()}}, Patterns: map[string]*jsonSchema{".": wordsSchema()}}
	case *outcomeWords:
		s.Type, s.Additional = []string{"object", "null"}, new(bool)
		s.Patterns = map[string]*jsonSchema{".": {Type: []string{"string"}, Enum: outcomeNames()}}
	}
	return s
}

// wordsSchema describes the words of a field: one, or a list.
func wordsSchema() *jsonSchema {
	return &jsonSchema{Type: []string{"string", "number", "boolean", "array"}, Items: &jsonSchema{Type: []string{"string", "number", "boolean"}}}
}
