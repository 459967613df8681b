{{/*
A ConfigMap has a hash of its content in its name, and cannot change. So a pod reads the same file
for as long as it lives: when its container restarts, when its node restarts, and when a pod of the
same template takes its place. Helm keeps the old ones: it does not know which pods are left.
*/}}

{{/* Arguments: root, component (of the pods that mount it), name, data (YAML). */}}
{{- define "ldom-csi.configMap" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "ldom-csi.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
  annotations:
    # Pods from before an upgrade still read it.
    helm.sh/resource-policy: keep
immutable: true
data:
  {{- .data | nindent 2 }}
{{- end -}}

{{- define "ldom-csi.controllerData" -}}
controller.yaml: |
  {{- include "ldom-csi.controllerFile" . | nindent 2 }}
{{- end -}}

{{- define "ldom-csi.controllerMap" -}}
{{- printf "%s-controller-%s" (include "ldom-csi.fullname" .) (include "ldom-csi.controllerData" . | sha256sum | trunc 10) -}}
{{- end -}}

{{- define "ldom-csi.nodeData" -}}
{{- include "ldom-csi.nodeFiles" . | trim -}}
{{- end -}}

{{- define "ldom-csi.nodeMap" -}}
{{- printf "%s-node-%s" (include "ldom-csi.fullname" .) (include "ldom-csi.nodeData" . | sha256sum | trunc 10) -}}
{{- end -}}

{{- define "ldom-csi.guestDisksData" -}}
guest-disks.yaml: |
  {{- include "ldom-csi.guestDisksFile" . | nindent 2 }}
{{- end -}}

{{- define "ldom-csi.guestDisksMap" -}}
{{- printf "%s-guest-disks-%s" (include "ldom-csi.fullname" .) (include "ldom-csi.guestDisksData" . | sha256sum | trunc 10) -}}
{{- end -}}
