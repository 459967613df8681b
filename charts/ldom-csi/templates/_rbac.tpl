{{/* A role and its binding to the controller's account. Arguments: root, component, rules. */}}

{{- define "ldom-csi.clusterRole" -}}
{{- include "ldom-csi.roleAndBinding" (merge (dict "kind" "ClusterRole") .) -}}
{{- end -}}

{{- define "ldom-csi.role" -}}
{{- include "ldom-csi.roleAndBinding" (merge (dict "kind" "Role") .) -}}
{{- end -}}

{{- define "ldom-csi.roleAndBinding" -}}
{{- $name := printf "%s-%s" (include "ldom-csi.fullname" .root) .component -}}
{{- $account := printf "%s-controller" (include "ldom-csi.fullname" .root) -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}
metadata:
  name: {{ $name }}
  {{- if eq .kind "Role" }}
  namespace: {{ .root.Release.Namespace }}
  {{- end }}
  labels:
    {{- include "ldom-csi.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
rules:
  {{- toYaml .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}Binding
metadata:
  name: {{ $name }}
  {{- if eq .kind "Role" }}
  namespace: {{ .root.Release.Namespace }}
  {{- end }}
  labels:
    {{- include "ldom-csi.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: {{ $account }}
    namespace: {{ .root.Release.Namespace }}
{{- end -}}
