{{/* Names and labels. Selectors hold nothing that a later version or other values would change. */}}

{{- define "ldom-csi.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "ldom-csi.fullname" -}}
{{- $name := include "ldom-csi.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "ldom-csi.selector" -}}
app.kubernetes.io/name: {{ include "ldom-csi.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ldom-csi.labels" -}}
{{ include "ldom-csi.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "ldom-csi.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "ldom-csi.driverName" -}}
{{- .Values.config.driverName | default "vdisk.ldom-csi.io" -}}
{{- end -}}

{{/* Where kubelet, the driver and the registrar meet on a node. */}}
{{- define "ldom-csi.nodeSocket" -}}
{{- $socket := printf "%s/plugins/%s/csi.sock" .Values.kubeletDirectory (include "ldom-csi.driverName" .) -}}
{{- if gt (len $socket) 107 -}}
{{- fail (printf "the socket %s is longer than the 107 bytes that Linux allows; shorten kubeletDirectory or config.driverName" $socket) -}}
{{- end -}}
{{- $socket -}}
{{- end -}}
