{{/*
One class of storage, attributes or snapshots, whole. Arguments: root, class (its values), object
(all but labels and annotations), default (the annotation that makes it the default), unchangeable.
*/}}
{{- define "ldom-csi.class" -}}
{{- $annotations := .class.annotations | default dict | deepCopy -}}
{{- if .class.default -}}
{{- $_ := set $annotations .default "true" -}}
{{- end -}}
{{- if .unchangeable -}}
{{- include "ldom-csi.refuseChange" (dict "wanted" .object "fields" .unchangeable) -}}
{{- end -}}
apiVersion: {{ .object.apiVersion }}
kind: {{ .object.kind }}
metadata:
  name: {{ .object.metadata.name }}
  labels:
    {{- include "ldom-csi.labels" .root | nindent 4 }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- range $key, $value := omit .object "apiVersion" "kind" "metadata" }}
{{- if not (or (kindIs "invalid" $value) (and (or (kindIs "map" $value) (kindIs "slice" $value)) (empty $value))) }}
{{ toYaml (dict $key $value) }}
{{- end }}
{{- end }}
{{- end -}}
