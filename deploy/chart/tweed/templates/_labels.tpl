{{- define "tweed.labels" -}}
app.kubernetes.io/name: tweed
{{- end -}}
