"""One message with everything that a mail reader must not do for it: scripts, fetches, forms; and an attachment."""

HTML = """<style>body{background:url(http://{outside}/style)} h1{color:#b00}</style><h1>Factura 77</h1><p>Gracias por su compra.</p>
<script>top.document.title='canary'</script><img src=http://{outside}/pixel onerror="top.document.title='canary'"><svg onload="top.document.title='canary'">
<animate onbegin="top.document.title='canary'" attributeName=x dur=1s></svg><iframe src=http://{outside}/frame></iframe><object data=http://{outside}/o></object>
<meta http-equiv=refresh content="0;url=http://{outside}/gone"><link rel=stylesheet href=http://{outside}/css><form action=http://{outside}/><input autofocus onfocus="top.document.title='canary'"></form>"""
LETTER = ("From: =?UTF-8?Q?Tienda_=C3=B1?= <ana@customer.test>\r\nTo: busy@destination.test\r\nSubject: =?UTF-8?Q?Factura_n=C3=BAmero_77?=\r\n"
          "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
          "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGracias por su compra, se=C3=B1ora.\r\n"
          "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + HTML.replace("\n", "\r\n") + "\r\n--b--\r\n"
          "--a\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=factura.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nSG9sYQ==\r\n--a--\r\n")
